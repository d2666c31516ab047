"""Who a caller is, and how the caller proves it."""
