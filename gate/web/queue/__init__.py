"""The queue: its page, the text box that filters it, and decisions that are made from it."""
