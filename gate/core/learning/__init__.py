"""Learning from changes and their results: tables of changes are read by a map, scored, and fitted
to.
"""
