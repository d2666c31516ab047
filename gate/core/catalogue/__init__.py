"""The catalogue: services, environments, groups and people, and their names."""
