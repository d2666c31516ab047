"""Callbacks for what was written, by this process or another one."""

import asyncio
from collections.abc import Callable
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
        self._callbacks: list[tuple[asyncio.AbstractEventLoop, Callback]] = []

    def register(self, callback: Callback) -> None:
        """Call this function from now on, in the running event loop."""
        self._callbacks.append((asyncio.get_running_loop(), callback))

    def announce(self, topics: Topics) -> None:
        """Call every callback with these topics. May be called from any thread."""
        for loop, callback in self._callbacks:
            post(loop, callback, topics)
