"""Keeps what was read a moment ago, so that a busy caller costs one look-up a second."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

STALE_AFTER_SECONDS = 1.0
KEPT_MAX = 10_000

T = TypeVar("T")


class Fresh(Generic[T]):
    """Values by key, as the database had them at most a second ago.

    That a key has no value is not kept, because one may be added at any moment.
    """

    def __init__(
        self, read: Callable[[str], Awaitable[T | None]], monotonic: Callable[[], float]
    ) -> None:
        self._read = read
        self._monotonic = monotonic
        self._kept: dict[str, tuple[float, T]] = {}
        self._asked: dict[str, asyncio.Task[T | None]] = {}

    async def find(self, key: str) -> T | None:
        """Return the value of this key, or None. Callers at the same time share one look-up."""
        found = self._kept.get(key)
        if found is not None and self._monotonic() - found[0] <= STALE_AFTER_SECONDS:
            return found[1]
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.create_task(
                self._look_up(key, self._kept, self._asked)
            )
        # Shielded: if one of the callers goes away, the look-up goes on for the others.
        return await asyncio.shield(asked)

    def forget(self) -> None:
        """Forget all values, because something was written; look-ups under way count no more."""
        self._kept, self._asked = {}, {}

    async def _look_up(
        self, key: str, kept: dict[str, tuple[float, T]], asked: dict[str, "asyncio.Task[T | None]"]
    ) -> T | None:
        """Read a value for the callers that wait now.

        `forget` replaces both dictionaries. Then this value goes into the old ones, where no later
        caller finds it.
        """
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
