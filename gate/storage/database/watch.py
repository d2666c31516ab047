"""Callbacks for what was written, by this process or another one."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeAlias

from gate.storage.database.calls import post

EVERYTHING = frozenset({"*"})
"""Something was written, and it is not known what."""

DECIDED = "decided"
"""A new change was settled at once. Open pages show it; nobody waits for it, and nothing is kept in
memory that it makes old. A change that waits is announced by its id, because somebody may want to
follow it."""

Topics: TypeAlias = frozenset[str]
Callback: TypeAlias = Callable[[Topics], None]


class Audience:
    """Callbacks, each called in the event loop in which it was registered.

    They are called before the caller that wrote gets its answer, so that its next read is fresh.
    """

    def __init__(self) -> None:
        self._callbacks: dict[asyncio.AbstractEventLoop, list[Callback]] = {}

    def register(self, callback: Callback) -> None:
        """Call this function from now on, in the running event loop."""
        self._callbacks.setdefault(asyncio.get_running_loop(), []).append(callback)

    def announce(self, topics: Topics) -> None:
        """Call every callback with these topics. May be called from any thread.

        A loop is woken once for all of its callbacks.
        """
        # A copy, because a callback may be registered meanwhile.
        for loop, callbacks in list(self._callbacks.items()):
            post(loop, _call_each, callbacks, topics)


def _call_each(callbacks: Sequence[Callback], topics: Topics) -> None:
    """Call each in a step of the loop of its own, so that the error of one stops no other."""
    loop = asyncio.get_running_loop()
    for callback in callbacks:
        loop.call_soon(callback, topics)
