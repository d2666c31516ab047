"""How services do, over time and now, as answers."""
