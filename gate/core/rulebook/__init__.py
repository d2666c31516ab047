"""Policies, catalogue and calendar, checked together."""
