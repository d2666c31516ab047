"""The queue: its page, the text that filters it, and decisions that are made from it."""
