"""What was read a moment ago, so that a busy caller costs one look-up a second."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

STALE_AFTER_SECONDS = 1.0
KEPT_MAX = 10_000

T = TypeVar("T")


class Fresh(Generic[T]):
    """As the database said at most a second ago.

    What is not there is not kept: it may be made at any moment.
    """

    def __init__(
        self, read: Callable[[str], Awaitable[T | None]], monotonic: Callable[[], float]
    ) -> None:
        self._read = read
        self._monotonic = monotonic
        self._kept: dict[str, tuple[float, T]] = {}
        self._asked: dict[str, asyncio.Task[T | None]] = {}

    async def find(self, key: str) -> T | None:
        """What is there under this key. Whoever asks while it is read waits for the same answer."""
        found = self._kept.get(key)
        if found is not None and self._monotonic() - found[0] <= STALE_AFTER_SECONDS:
            return found[1]
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.create_task(
                self._look_up(key, self._kept, self._asked)
            )
        # One of them may go away.
        return await asyncio.shield(asked)

    def forget(self) -> None:
        """Something was written: nothing that is kept, or was asked before, counts any more."""
        self._kept, self._asked = {}, {}

    async def _look_up(
        self, key: str, kept: dict[str, tuple[float, T]], asked: dict[str, "asyncio.Task[T | None]"]
    ) -> T | None:
        """For those who ask now; if something is forgotten meanwhile, nobody finds it later."""
        now = self._monotonic()
        try:
            value = await self._read(key)
        finally:
            del asked[key]
        if value is not None:
            if len(kept) >= KEPT_MAX:
                kept.clear()
            kept[key] = (now, value)
        return value
