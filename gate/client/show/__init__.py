"""Output of a command's outcome."""
