"""The rules in force: policies, catalogue, calendar and freezes."""
