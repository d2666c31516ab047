"""When changes are allowed: business hours, freeze windows, recurrence."""
