"""Formats other than JSON: CSV, iCalendar, badges and sync windows."""
