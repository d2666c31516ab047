"""Random bytes of the operating system, drawn in advance.

Each draw releases the GIL, and taking it back costs more than drawing; a decision needs half a
dozen (docs/explanation/threads-and-the-gil.md).
"""

import os

BYTES = 16
_DRAWN_AT_ONCE = 256

_drawn: list[bytes] = []


def random_bytes() -> bytes:
    """`BYTES` that nobody else gets. From any thread."""
    while True:
        try:
            # In one step, so no two threads get the same.
            return _drawn.pop()
        except IndexError:
            more = os.urandom(BYTES * _DRAWN_AT_ONCE)
            _drawn.extend(more[begin : begin + BYTES] for begin in range(0, len(more), BYTES))


os.register_at_fork(after_in_child=_drawn.clear)
