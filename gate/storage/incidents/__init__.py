"""Incidents, their links, and deployments that were seen."""
