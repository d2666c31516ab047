"""What exists: services, environments, groups and people, and their names."""
