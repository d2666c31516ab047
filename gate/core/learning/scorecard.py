"""Whether a place became faster, and at what price: two times of the same length, compared.

Speed alone is never praised. A place that delivers faster and fails more often is said to do just
that, in one sentence with all four numbers.
"""

from dataclasses import dataclass

COMPARED_MIN = 5
"""Fewer deployments in either time say nothing by their difference."""

NOTABLE = 0.1
"""A figure that moved by less than a tenth of itself has not moved."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The figures of one time that are compared. An unknown figure is None."""

    deployments: int
    days: int
    lead_seconds: int | None
    fail_rate: float | None
    incidents: int
    recovery_seconds: int | None


def verdict(before: Pace, now: Pace) -> str:
    """Return in one of a few words how the place moved, or that too little is known."""
    if min(before.deployments, now.deployments) < COMPARED_MIN:
        return "too few to compare"
    faster, steadier = _speed(before, now), _stability(before, now)
    words = {
        (1, -1): "faster and less stable",
        (1, 0): "faster",
        (1, 1): "faster and more stable",
        (0, -1): "less stable",
        (0, 0): "unchanged",
        (0, 1): "more stable",
        (-1, -1): "slower and less stable",
        (-1, 0): "slower",
        (-1, 1): "slower and more stable",
    }
    return words[faster, steadier]


def _speed(before: Pace, now: Pace) -> int:
    """Return 1 for faster, -1 for slower and 0 for neither, by lead time, or by throughput if lead
    time did not move.
    """
    lead = moved(before.lead_seconds, now.lead_seconds)
    return -lead or moved(before.deployments / before.days, now.deployments / now.days)


def _stability(before: Pace, now: Pace) -> int:
    """Return 1 for more stable, -1 for less stable and 0 for neither.

    One figure that became worse is enough, because failing more often is not made up for by being
    repaired sooner.
    """
    moves = [
        moved(before.fail_rate, now.fail_rate),
        moved(before.incidents / before.deployments, now.incidents / now.deployments),
        moved(before.recovery_seconds, now.recovery_seconds),
    ]
    if 1 in moves:
        return -1
    return 1 if -1 in moves else 0


def moved(before: float | None, now: float | None) -> int:
    """Return 1 if the value rose notably, -1 if it fell notably, and 0 otherwise or if one is
    unknown.
    """
    if before is None or now is None:
        return 0
    if abs(now - before) <= NOTABLE * max(before, now):
        return 0
    return 1 if now > before else -1
