"""What git can tell about a change."""
