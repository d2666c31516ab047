"""Sums that are kept up to date, and figures that are computed from them."""
