"""What moved, as it moves: streams for pages and clients, each bounded, all of them ended when the
server stops.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from gate.errors import RateLimited, Unavailable
from gate.flow.caller import Caller
from gate.storage.database.watch import EVERYTHING, Topics
from gate.storage.identity import people, sessions, tokens
from gate.storage.store import Store

STREAMS_MAX = 1_000
STREAMS_OF_ONE_MAX = 30
"""Of one caller; a browser opens no more than that many tabs worth looking at."""

TOPICS_MAX = 100
"""Of one message; more of them are told as everything."""

PAUSE_SECONDS = 0.1
"""Between two messages of a stream: what moves meanwhile is told together."""

HEARTBEAT_SECONDS = 15.0
"""So often something is sent, or a proxy takes the stream for dead."""

LIFE_SECONDS = 900.0
"""Then the stream ends, and whoever opens it again shows anew who they are."""


_WHO_IS_LET_IN = frozenset({people.TOPIC, sessions.TOPIC, tokens.TOPIC})
"""When one of them moves somebody may be shut out: all streams end, and who opens one again is
asked who they are."""


class Stream:
    """What one listener has not heard yet."""

    def __init__(self) -> None:
        self._topics: set[str] = set()
        self._moved = asyncio.Event()
        self.ended = False

    def put(self, topics: Topics) -> None:
        """To be told with the next message."""
        self._topics |= topics
        if len(self._topics) > TOPICS_MAX:
            self._topics = set(EVERYTHING)
        self._moved.set()

    def end(self) -> None:
        """The next message is the last."""
        self.ended = True
        self._moved.set()

    async def messages(self) -> AsyncIterator[Topics]:
        """What moved since the last message; nothing where only the heart beats."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + LIFE_SECONDS
        while not self.ended and loop.time() < ends:
            try:
                await asyncio.wait_for(self._moved.wait(), HEARTBEAT_SECONDS)
            except TimeoutError:
                yield frozenset()
                continue
            topics, self._topics = frozenset(self._topics), set()
            self._moved.clear()
            if topics:
                yield topics
            await asyncio.sleep(0 if self.ended else PAUSE_SECONDS)


class Streams:
    """Everybody who listens in this process."""

    def __init__(self, store: Store) -> None:
        """In the running event loop, which tells it what moves."""
        self._streams: set[Stream] = set()
        self._of: Counter[str] = Counter()
        self._closed = False
        store.on_change(self._hear)

    @property
    def count(self) -> int:
        """How many listen."""
        return len(self._streams)

    def require_capacity(self, by: Caller) -> None:
        """Raises `Unavailable` and `RateLimited` over the limits, for an answer that has not
        begun.
        """
        if self._closed or len(self._streams) >= STREAMS_MAX:
            raise Unavailable(
                f"{len(self._streams)} listen already; read the page again later",
                retry_after_seconds=5,
            )
        if self._of[by.caller] >= STREAMS_OF_ONE_MAX:
            raise RateLimited(f"you listen {STREAMS_OF_ONE_MAX} times already; close a page")

    @contextmanager
    def listening(self, by: Caller) -> Iterator[Stream]:
        """A stream from now on. Raises as `require_capacity` does."""
        self.require_capacity(by)
        stream = Stream()
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
        """The server stops: every stream ends, so that nobody waits for the other."""
        self._closed = True
        for stream in self._streams:
            stream.end()

    def _hear(self, topics: Topics) -> None:
        ends = not _WHO_IS_LET_IN.isdisjoint(topics)
        for stream in self._streams:
            stream.put(topics)
            if ends:
                stream.end()
