"""The life of a change, one file for each step."""
