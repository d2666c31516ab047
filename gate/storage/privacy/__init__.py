"""Erasing what says who a person is, and what is older than it has to be kept."""
