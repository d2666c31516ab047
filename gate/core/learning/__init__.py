"""What changes and their outcomes teach: tables of changes read by a map, scored, and fitted to."""
