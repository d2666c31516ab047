"""Answers to callers: frozen values, one file for each subject.

orjson writes them as they are and FastAPI documents them, so the order of the fields is the order
on the wire. They have no slots, because orjson writes the `__dict__` of a value in one go: a change
with 33 reasons takes 7 microseconds that way, and 105 with slots.
"""
