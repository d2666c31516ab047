"""HTTP itself: bodies, calls, permissions, limits, headers."""
