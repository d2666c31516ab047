"""Which rules are in force: policies, catalogue, calendar, freezes."""
