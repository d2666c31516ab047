"""The life of a change, a file a chapter."""
