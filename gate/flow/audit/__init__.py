"""The questions that auditors ask, and the chapters that answer them."""
