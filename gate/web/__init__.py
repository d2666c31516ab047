"""Pages for people: a thin layer over the functions of `flow`."""
