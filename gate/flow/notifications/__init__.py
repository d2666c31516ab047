"""Notifications to people and to other systems."""
