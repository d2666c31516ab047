"""Which refusals were told lately? Whoever is refused again and again fills no disk."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

PAUSE_SECONDS = 60.0
"""At most one entry in this time for the same caller, operation and problem on one server; those in
between are counted."""

KEPT_MAX = 10_000
"""So many are remembered; while that many were told within the pause, a new one is not."""

_Same: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Refused:
    """What was refused to somebody we know.

    `change` and `revision` are what it was about, as they named it.
    """

    by: str
    operation: str
    problem: str
    change: str | None = None
    revision: str | None = None


@dataclass(slots=True)
class _Told:
    at: float
    since: int = 0


@dataclass(slots=True)
class Refusals:
    """In memory: a refusal costs the database nothing until it is told."""

    monotonic: Callable[[], float] = time.monotonic
    _told: dict[_Same, _Told] = field(default_factory=dict)

    def due(self, refused: Refused) -> int | None:
        """How many of the same were counted since the last entry, where there may be another one
        now; else None.
        """
        same = (refused.by, refused.operation, refused.problem)
        now, known = self.monotonic(), self._told.get(same)
        if known is not None and now - known.at < PAUSE_SECONDS:
            known.since += 1
            return None
        if known is None and not self._has_room(now):
            return None
        self._told[same] = _Told(now)
        return known.since if known else 0

    def _has_room(self, now: float) -> bool:
        if len(self._told) >= KEPT_MAX:
            self._told = {
                same: told for same, told in self._told.items() if now - told.at < PAUSE_SECONDS
            }
        return len(self._told) < KEPT_MAX
