"""What is learned from how changes ended: measures of others, and the scorecard."""
