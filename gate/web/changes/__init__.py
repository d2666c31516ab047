"""The page of one change, the differences between its decisions, and links to its source."""
