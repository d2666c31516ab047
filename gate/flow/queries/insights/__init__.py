"""Figures about services for people to look at: over time, and as of now."""
