"""The schema, a file a subject."""
