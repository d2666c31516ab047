"""The register of improvements: what the gate proposes, and what an item is measured by.

A proposal is no decision, and no rule reads an item: the register only puts figures side by side.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType

from gate.core.counting import percent
from gate.core.durations import span
from gate.core.learning.scorecard import moved

CLEAN_MIN = 40
"""So many deployments after a review, none of them failed, before less review is proposed."""

FIRED_MIN = 40
FAILED_MIN = 5
"""With fewer deployments of a rule, or fewer failures of its place, chance separates nothing."""

RECURRING_MIN = 3
"""So many failures of one service or path in `RECURRING_DAYS` have a common cause to look for."""

RECURRING_DAYS = 30
LOOKED_BACK_DAYS = 90

BYPASSED_MIN = 3
"""Fewer deployments that went round the policy are no tendency."""

WAITED_WEEKS = 4
WAITED_MIN = 10
"""So many changes waited for a group before its share of the waiting says anything."""

WAITED_EACH_MIN_SECONDS = 3_600
"""What waits for less than an hour each waits for nobody in particular."""

ONE_GROUPS_PERCENT_MIN = 70


class Signal(StrEnum):
    """What a proposal was found by."""

    ALWAYS_ESCALATED = "always_escalated"
    NEVER_SEPARATES = "never_separates"
    RECURRING_FAILURES = "recurring_failures"
    RECURRING_PATH = "recurring_path"
    NEAR_SUSPENSION = "near_suspension"
    AGEING_QUEUE = "ageing_queue"
    BYPASS_RISING = "bypass_rising"
    ONE_GROUPS_WAITING = "one_groups_waiting"


class Priority(StrEnum):
    """How soon an item is to be done."""

    URGENT = "urgent"
    PLANNED = "planned"
    STRATEGIC = "strategic"


class Figure(StrEnum):
    """The figures of the scorecard that can be read for a time that is over, and of which one
    direction is better.
    """

    LEAD_TIME = "change_lead_time_seconds"
    WAITING_SHARE = "waiting_share"
    DEPLOYMENTS = "deployments_per_day"
    FAIL_RATE = "change_fail_rate"
    REWORK_RATE = "deployment_rework_rate"
    INCIDENTS = "incidents"
    RECOVERY_TIME = "failed_deployment_recovery_time_seconds"


FIGURE_WORDS: Mapping[Figure, tuple[str, Callable[[float], str]]] = MappingProxyType(
    {
        Figure.LEAD_TIME: ("Change lead time", span),
        Figure.WAITING_SHARE: ("Share of the lead time waiting for approval", percent),
        Figure.DEPLOYMENTS: ("Deployments a day", "{:g}".format),
        Figure.FAIL_RATE: ("Change fail rate", percent),
        Figure.REWORK_RATE: ("Deployment rework rate", percent),
        Figure.INCIDENTS: ("Incidents", "{:g}".format),
        Figure.RECOVERY_TIME: ("Failed deployment recovery time", span),
    }
)
"""What people call each figure, and how its value is said."""


class Movement(StrEnum):
    """How a figure moved."""

    BETTER = "better"
    UNCHANGED = "unchanged"
    WORSE = "worse"


MEASURED_BY: Mapping[Signal, Figure] = MappingProxyType(
    {
        Signal.ALWAYS_ESCALATED: Figure.WAITING_SHARE,
        Signal.NEVER_SEPARATES: Figure.WAITING_SHARE,
        Signal.RECURRING_FAILURES: Figure.FAIL_RATE,
        Signal.RECURRING_PATH: Figure.FAIL_RATE,
        Signal.NEAR_SUSPENSION: Figure.FAIL_RATE,
        Signal.AGEING_QUEUE: Figure.WAITING_SHARE,
        Signal.BYPASS_RISING: Figure.LEAD_TIME,
        Signal.ONE_GROUPS_WAITING: Figure.WAITING_SHARE,
    }
)
"""The figure that an item from such a proposal is measured by, unless its author names another."""


def movement(figure: Figure, before: float, after: float) -> Movement:
    """Return how the figure moved; less than a tenth of itself is no movement."""
    risen = moved(before, after)
    if not risen:
        return Movement.UNCHANGED
    more_is_better = figure is Figure.DEPLOYMENTS
    return Movement.BETTER if (risen > 0) == more_is_better else Movement.WORSE


def separates(*, fired: int, fired_failed: int, deployments: int, failed: int) -> bool:
    """Return whether changes to which a rule gave points failed more often than all of the place.

    It is True as well where too little is known to say that they did not.
    """
    if fired < FIRED_MIN or failed < FAILED_MIN:
        return True
    return fired_failed * deployments > failed * fired


def group_mostly_waited_for(seconds_by_group: Mapping[str, int]) -> tuple[str, int] | None:
    """Return the group for which most of the waiting was, with its share in percent, or None.

    Of a union each group is waited for as long, so none of them alone has most of it.
    """
    whole = sum(seconds_by_group.values())
    if not whole:
        return None
    group, seconds = max(seconds_by_group.items(), key=lambda one: (one[1], one[0]))
    percent = 100 * seconds // whole
    return (group, percent) if percent >= ONE_GROUPS_PERCENT_MIN else None


def recurring(paths: Sequence[frozenset[str]]) -> dict[str, int]:
    """Return the paths that are in at least `RECURRING_MIN` of these failed changes, with in how
    many; most first.
    """
    counts: dict[str, int] = {}
    for one in paths:
        for path in one:
            counts[path] = counts.get(path, 0) + 1
    often = [(path, n) for path, n in counts.items() if n >= RECURRING_MIN]
    return dict(sorted(often, key=lambda found: (-found[1], found[0])))
