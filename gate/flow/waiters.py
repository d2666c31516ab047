"""Those who wait for a change to be settled, and how they hear of it."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gate.errors import Unavailable

WAITERS_MAX = 2_000


class Waiters:
    """Wakes who waits for a change. Waking early is harmless: whoever wakes reads again."""

    def __init__(self) -> None:
        self._events: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self.count = 0
        self.closed = False

    @asynccontextmanager
    async def on(self, change: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever the change may have moved. Raises `Unavailable` over the limit."""
        if self.count >= WAITERS_MAX:
            raise Unavailable(f"{WAITERS_MAX} callers are waiting already; ask without `wait`, or later", retry_after_seconds=5)
        event = asyncio.Event()
        self._events[change].add(event)
        self.count += 1
        try:
            yield event
        finally:
            self.count -= 1
            self._events[change].discard(event)
            if not self._events[change]:
                del self._events[change]

    def wake(self, change: str) -> None:
        """This change has moved."""
        for event in self._events.get(change, ()):
            event.set()

    def close(self) -> None:
        """The server stops: who waits is answered now, with what is known."""
        self.closed = True
        self.wake_all()

    def wake_all(self) -> None:
        """Something moved in another process, and nobody knows what."""
        for events in self._events.values():
            for event in events:
                event.set()
