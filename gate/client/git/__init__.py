"""Facts of git about a change."""
