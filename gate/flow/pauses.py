"""How often a pending change may be decided again."""

import time
from dataclasses import dataclass, field

PAUSE_SECONDS = 10.0
"""A pending change is decided again at most once in this time, however often it is asked for."""

REMEMBERED_MAX = 10_000


@dataclass(slots=True)
class Pauses:
    """Which changes were decided again a moment ago, by this process."""

    _last: dict[str, float] = field(default_factory=dict)

    def begin(self, change: str) -> bool:
        """Whether the change may be decided again now; if so, its pause begins."""
        now = time.monotonic()
        if now - self._last.get(change, -PAUSE_SECONDS) < PAUSE_SECONDS:
            return False
        self._last.pop(change, None)
        self._last[change] = now
        while len(self._last) > REMEMBERED_MAX:
            del self._last[next(iter(self._last))]
        return True
