"""SIGTERM and SIGINT as an exception, so that a change that nobody waits for any more is
withdrawn.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(BaseException):
    """The run was told to stop. No `except Exception` may swallow it."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, a signal raises `Interrupted`; a second one ends the process as usual."""
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
