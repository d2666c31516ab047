"""Incidents, and the changes to which they are tied."""
