"""What others are informed of."""
