"""Learning from how changes ended: measures, the scorecard, and the register of improvements."""
