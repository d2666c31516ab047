"""Reports of other systems, and messages that are sent to them."""
