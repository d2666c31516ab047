"""Pages for people: a thin layer over the chapters of `flow`."""
