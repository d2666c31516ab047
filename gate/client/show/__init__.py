"""How an outcome is shown."""
