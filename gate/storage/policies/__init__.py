"""Registered policy sets and freezes."""
