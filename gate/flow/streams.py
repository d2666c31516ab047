"""Streams of what moved, for pages and clients: each is bounded, and ends when the server stops."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from gate.errors import RateLimited, Unavailable
from gate.flow.caller import Caller
from gate.storage.database.watch import EVERYTHING, Topics
from gate.storage.identity import people, sessions, tokens
from gate.storage.store import Store

STREAMS_MAX = 1_000
STREAMS_OF_ONE_MAX = 30
"""The limit of one caller: more tabs than anybody looks at."""

TOPICS_MAX = 100
"""The most topics of one message. If there are more, `EVERYTHING` is sent."""

PAUSE_SECONDS = 0.1
"""The pause between two messages of a stream; what moves meanwhile goes into the next one."""

HEARTBEAT_SECONDS = 15.0
"""The longest time without a message, because proxies close a connection that is silent."""

LIFE_SECONDS = 900.0
"""After this a stream ends. Its listener opens another one, and is authenticated again."""


_WHO_IS_LET_IN = frozenset({people.TOPIC, sessions.TOPIC, tokens.TOPIC, *EVERYTHING})
"""When one of these topics moves, somebody may have lost access."""

IsLetIn: TypeAlias = Callable[[], Awaitable[bool]]
"""Returns whether a listener is still let in."""


class Stream:
    """The topics that one listener has not been sent yet.

    The listener is authenticated again when somebody may have lost access. Only the streams of
    those who have lost it end: ending all of them at each sign-out would have every open page read
    again.
    """

    def __init__(self, is_let_in: IsLetIn) -> None:
        self._topics: set[str] = set()
        self._moved = asyncio.Event()
        self._is_let_in = is_let_in
        self._is_doubted = False
        self.ended = False

    def put(self, topics: Topics) -> None:
        """Add topics to the next message."""
        self._is_doubted = self._is_doubted or not _WHO_IS_LET_IN.isdisjoint(topics)
        self._topics |= topics
        if len(self._topics) > TOPICS_MAX:
            self._topics = set(EVERYTHING)
        self._moved.set()

    def end(self) -> None:
        """End the stream after the next message."""
        self.ended = True
        self._moved.set()

    async def messages(self) -> AsyncIterator[Topics]:
        """Yield what moved since the last message; an empty set only keeps the connection open."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + LIFE_SECONDS
        while not self.ended and loop.time() < ends:
            try:
                await asyncio.wait_for(self._moved.wait(), HEARTBEAT_SECONDS)
            except TimeoutError:
                yield frozenset()
                continue
            if self._is_doubted:
                self._is_doubted = False
                if not await self._is_let_in():
                    return
            topics, self._topics = frozenset(self._topics), set()
            self._moved.clear()
            if topics:
                yield topics
            await asyncio.sleep(0 if self.ended else PAUSE_SECONDS)


class Streams:
    """All streams of this process."""

    def __init__(self, store: Store) -> None:
        """Subscribe to announcements of the store. This must be called in the running
        event loop.
        """
        self._streams: set[Stream] = set()
        self._of: Counter[str] = Counter()
        self._closed = False
        store.on_change(self._hear)

    @property
    def count(self) -> int:
        """The number of open streams."""
        return len(self._streams)

    def require_capacity(self, by: Caller) -> None:
        """Raise `Unavailable` or `RateLimited` over a limit.

        To be asked before the answer begins, because afterwards its status cannot be changed.
        """
        if self._closed or len(self._streams) >= STREAMS_MAX:
            raise Unavailable(
                f"{len(self._streams)} listen already; read the page again later",
                retry_after_seconds=5,
            )
        if self._of[by.caller] >= STREAMS_OF_ONE_MAX:
            raise RateLimited(f"you listen {STREAMS_OF_ONE_MAX} times already; close a page")

    @contextmanager
    def listening(self, by: Caller, is_let_in: IsLetIn) -> Iterator[Stream]:
        """Yield a stream of what moves from now on. Raises as `require_capacity` does."""
        self.require_capacity(by)
        stream = Stream(is_let_in)
        self._streams.add(stream)
        self._of[by.caller] += 1
        try:
            yield stream
        finally:
            self._streams.discard(stream)
            self._of[by.caller] -= 1
            if not self._of[by.caller]:
                del self._of[by.caller]

    def close(self) -> None:
        """End every stream, because a server that stops waits for its open answers."""
        self._closed = True
        for stream in self._streams:
            stream.end()

    def _hear(self, topics: Topics) -> None:
        for stream in self._streams:
            stream.put(topics)
