"""Learning from how changes ended: measures of other systems, and the scorecard."""
