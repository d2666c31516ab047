"""What was read a moment ago, so that a busy caller costs one look-up a second."""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

STALE_AFTER_SECONDS = 1.0
KEPT_MAX = 10_000

T = TypeVar("T")


class Fresh(Generic[T]):
    """As the database said at most a second ago. What is not there is not kept: it may be made at any moment."""

    def __init__(self, read: Callable[[str], Awaitable[T | None]], monotonic: Callable[[], float]) -> None:
        self._read = read
        self._monotonic = monotonic
        self._kept: dict[str, tuple[float, T]] = {}

    async def find(self, key: str) -> T | None:
        """What is there under this key."""
        now, cache = self._monotonic(), self._kept
        found = cache.get(key)
        if found is not None and now - found[0] <= STALE_AFTER_SECONDS:
            return found[1]
        value = await self._read(key)
        if value is not None:
            if len(cache) >= KEPT_MAX:
                cache.clear()
            cache[key] = (now, value)  # into the old one, if something was forgotten meanwhile
        return value

    def forget(self) -> None:
        """Something was written: nothing that is kept counts any more."""
        self._kept = {}
