"""Erasing what identifies a person, and pruning what is older than it has to be kept."""
