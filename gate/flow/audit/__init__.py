"""The questions that auditors ask, and the functions that answer them."""
