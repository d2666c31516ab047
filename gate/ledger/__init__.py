"""Proofs, pure: entry bytes, signed notes, signed statements."""
