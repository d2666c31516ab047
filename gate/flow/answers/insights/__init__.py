"""Answers about services: over time, and as of now."""
