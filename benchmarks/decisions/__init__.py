"""What a decision costs, and what is measured beside it."""
