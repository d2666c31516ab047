"""Which change does an incident belong to, as long as no person says otherwise?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gate.core.change import Result

LINK_WINDOW = timedelta(hours=4)
"""How long after the end of a deployment an incident of its service is tied to it."""

SUSPECTS_MAX = 20
"""How many earlier deployments of a place are looked at."""

CLOCK_SLACK = timedelta(minutes=1)
"""How long before its cause an incident may seem to begin, because clocks differ."""

CONFIRMED_AFTER = timedelta(hours=24)
"""A link by `window` that nobody corrected for so long counts as if a person had confirmed it."""

WORST = "critical"
"""The severity of an incident whose source never says one."""

_RANKS = (
    ("none", "info", "informational", "p5", "sev5"),
    ("low", "minor", "p4", "sev4"),
    ("moderate", "medium", "warning", "p3", "sev3"),
    ("high", "major", "error", "p2", "sev2"),
    ("critical", "emergency", "page", "p1", "sev1"),
)
_RANK = {word: rank for rank, words in enumerate(_RANKS) for word in words}


class Method(StrEnum):
    """The method by which an incident was tied to a change."""

    # Whoever reported it named the change.
    EXPLICIT = "explicit"
    # The change was rolled back.
    ROLLBACK = "rollback"
    # Another change says that it repairs this one.
    REMEDIATES = "remediates"
    # It began soon after the deployment.
    WINDOW = "window"
    # A person says so.
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Suspect:
    """A change that was admitted in the incident's place."""

    change: str
    admitted_at: datetime
    closed_at: datetime | None
    result: Result | None


def suspected(suspects: Sequence[Suspect], began_at: datetime) -> tuple[str, Method] | None:
    """Return the change that an incident is tied to and how it was found, or None.

    Of the deployments within `LINK_WINDOW` it is the newest that was rolled back, else the newest.
    """
    near = [one for one in suspects if _is_near(one, began_at)]
    newest = sorted(near, key=lambda one: (one.admitted_at, one.change), reverse=True)
    for one in newest:
        if one.result is Result.ROLLED_BACK:
            return one.change, Method.ROLLBACK
    return (newest[0].change, Method.WINDOW) if newest else None


def counts(severity: str, threshold: str | None) -> bool:
    """Return whether an alert of this severity is tied to changes.

    A severity that the gate does not know counts as the worst.
    """
    return threshold is None or _rank(severity) >= _rank(threshold)


def worst(severities: Iterable[str]) -> str:
    """Return the worst severity of these."""
    return max(severities, key=_rank)


def _is_near(one: Suspect, began_at: datetime) -> bool:
    """Return whether the incident began during the deployment or soon after."""
    return (
        one.admitted_at - CLOCK_SLACK
        <= began_at
        <= (one.closed_at or one.admitted_at) + LINK_WINDOW
    )


def _rank(severity: str) -> int:
    return _RANK.get(severity.lower(), len(_RANKS) - 1)
