"""Limits how often the same is done to a change: decided again, or tried again after a failure."""

import time
from dataclasses import dataclass, field

PAUSE_SECONDS = 10.0
"""A pending change is decided again at most once in this time, however often it is asked for."""

REMEMBERED_MAX = 10_000


@dataclass(slots=True)
class Pauses:
    """Remembers which changes this process has just worked on."""

    _last: dict[str, float] = field(default_factory=dict)

    def begin(self, change: str) -> bool:
        """Return whether the change may be worked on now. If so, its pause begins."""
        now = time.monotonic()
        if now - self._last.get(change, -PAUSE_SECONDS) < PAUSE_SECONDS:
            return False
        self._last.pop(change, None)
        self._last[change] = now
        while len(self._last) > REMEMBERED_MAX:
            del self._last[next(iter(self._last))]
        return True

    def paused(self) -> set[str]:
        """Return the changes whose pause is not over."""
        now = time.monotonic()
        return {change for change, last in self._last.items() if now - last < PAUSE_SECONDS}
