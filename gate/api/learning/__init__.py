"""Measures of others, and the scorecard."""
