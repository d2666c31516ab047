"""Decides which refusals get an entry in the ledger, so that a caller who is refused again and
again fills no disk.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

PAUSE_SECONDS = 60.0
"""At most one entry in this time for the same caller, operation and problem on one server; those in
between are counted."""

KEPT_MAX = 10_000
"""The most refusals that are remembered. While all of them are within the pause, a new one is not
recorded."""

_Same: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal to a known caller. `change` and `revision` are as the caller named them."""

    by: str
    operation: str
    problem: str
    change: str | None = None
    revision: str | None = None


@dataclass(slots=True)
class _Recorded:
    at: float
    since: int = 0


@dataclass(slots=True)
class Refusals:
    """The refusals that were recorded lately, in memory, so that one that is not recorded costs the
    database nothing.
    """

    monotonic: Callable[[], float] = time.monotonic
    _recorded: dict[_Same, _Recorded] = field(default_factory=dict)

    def due(self, refused: Refused) -> int | None:
        """Return how many equal refusals were left out since the last entry.

        Returns None if this refusal gets no entry now either.
        """
        same = (refused.by, refused.operation, refused.problem)
        now, known = self.monotonic(), self._recorded.get(same)
        if known is not None and now - known.at < PAUSE_SECONDS:
            known.since += 1
            return None
        if known is None and not self._may_remember(now):
            return None
        self._recorded[same] = _Recorded(now)
        return known.since if known else 0

    def _may_remember(self, now: float) -> bool:
        if len(self._recorded) >= KEPT_MAX:
            self._recorded = {
                same: entry
                for same, entry in self._recorded.items()
                if now - entry.at < PAUSE_SECONDS
            }
        return len(self._recorded) < KEPT_MAX
