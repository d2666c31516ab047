"""Requests that wait for a change to be settled, and how they are woken."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gate.errors import RateLimited, Unavailable

WAITERS_MAX = 2_000
WAITERS_OF_ONE_MAX = 200
"""The limit of one caller, so that nobody alone takes the places of all others. The jobs of one
token are one caller."""


class Waiters:
    """Wakes requests that wait for a change. Waking early is harmless: each reads again."""

    def __init__(self) -> None:
        self._events: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._of: Counter[str] = Counter()
        self.count = 0
        self.closed = False

    @asynccontextmanager
    async def on(self, change: str, caller: str) -> AsyncIterator[asyncio.Event]:
        """Yield an event that is set whenever the change may have moved.

        Raises `RateLimited` over the limit of this caller, `Unavailable` over the limit of all.
        """
        if self._of[caller] >= WAITERS_OF_ONE_MAX:
            raise RateLimited(
                f"you wait {WAITERS_OF_ONE_MAX} times already; ask without `wait`, or later"
            )
        if self.count >= WAITERS_MAX:
            raise Unavailable(
                f"{WAITERS_MAX} requests are waiting already; ask without `wait`, or later",
                retry_after_seconds=5,
            )
        event = asyncio.Event()
        self._events[change].add(event)
        self._of[caller] += 1
        self.count += 1
        try:
            yield event
        finally:
            self.count -= 1
            self._of[caller] -= 1
            if not self._of[caller]:
                del self._of[caller]
            self._events[change].discard(event)
            if not self._events[change]:
                del self._events[change]

    def wake(self, change: str) -> None:
        """Wake those who wait for this change, because it has moved."""
        for event in self._events.get(change, ()):
            event.set()

    def close(self) -> None:
        """Wake all when the server stops, so that each is answered with what is known."""
        self.closed = True
        self.wake_all()

    def wake_all(self) -> None:
        """Wake all, because something moved in another process and it is not known what."""
        for events in self._events.values():
            for event in events:
                event.set()
