"""Turns SIGTERM and SIGINT into an exception, so that a change for which nobody waits any more is
canceled.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(BaseException):
    """A signal asked the run to stop. It is no `Exception`, so no handler for those swallows it."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise `Interrupted` on a signal inside the block; a second one ends the process as usual."""
    # Python lets only the main thread handle signals.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(number) for number in signals]

    def restore() -> None:
        for number, handler in zip(signals, before):  # noqa: B905 - `strict` came with Python 3.10
            signal.signal(number, handler)

    def stop(number: int, _frame: FrameType | None) -> None:
        restore()
        raise Interrupted(signal.Signals(number).name)

    for number in signals:
        signal.signal(number, stop)
    try:
        yield
    finally:
        restore()
