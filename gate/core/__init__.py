"""Decisions, pure: no input or output, no clock, no setting."""
