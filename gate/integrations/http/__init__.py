"""Requests to other systems, within limits."""
