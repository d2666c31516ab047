"""One change: its page, what differs between decisions, and where it comes from."""
