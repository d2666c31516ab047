"""Random bytes of the operating system, drawn in advance.

Each draw releases the GIL, and taking it back costs more than the draw. A decision needs half a
dozen of them (docs/explanation/threads-and-the-gil.md).
"""

import os

BYTES = 16
_DRAWN_AT_ONCE = 256

_drawn: list[bytes] = []


def random_bytes() -> bytes:
    """Return `BYTES` random bytes that no other caller gets. May be called from any thread."""
    while True:
        try:
            # `pop` is one step of the interpreter, so no two threads get the same bytes.
            return _drawn.pop()
        except IndexError:
            more = os.urandom(BYTES * _DRAWN_AT_ONCE)
            _drawn.extend(more[begin : begin + BYTES] for begin in range(0, len(more), BYTES))


# A forked process draws its own, or both would use the same bytes.
os.register_at_fork(after_in_child=_drawn.clear)
