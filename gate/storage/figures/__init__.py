"""Sums that are kept, and what is computed from them."""
