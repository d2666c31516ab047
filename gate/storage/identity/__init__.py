"""People, sessions, tokens and secrets."""
