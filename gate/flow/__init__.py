"""The story of a change, one file per chapter."""
