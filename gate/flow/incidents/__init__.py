"""What broke, and which changes it is tied to."""
