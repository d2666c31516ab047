"""Queries from which the reports for auditors are made."""
