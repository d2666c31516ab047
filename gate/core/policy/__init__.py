"""Policies: their language, how they are read, and what they are compiled to."""
