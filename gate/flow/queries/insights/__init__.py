"""How services do, over time and now: read for people to look at."""
