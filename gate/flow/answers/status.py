"""The answer to whether production may be deployed to now, which every page shows in one line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class StoppedAnswer:
    """A stopped line: who stopped it, when, why, and what it stops. Without names it stops
    everything.
    """

    id: str
    by: str
    since: datetime
    reason: str
    services: Sequence[str]
    environments: Sequence[str]


@dataclass(frozen=True)
class EnvironmentStatus:
    """One environment of the tier production.

    Of its `services`, `frozen` are frozen and `stopped` are stopped now. What is frozen opens again
    by `open_at`, which is None if nothing is frozen, or if the calendar has no end for it.
    `freezes_at` is when the next window begins that freezes what is open by then.
    """

    name: str
    services: int
    frozen: int
    stopped: int
    reason: str
    open_at: datetime | None
    freezes_at: datetime | None
    freezes_because: str
    held: int
    observed: int


@dataclass(frozen=True)
class StatusAnswer:
    """The status of production, and what this person may do about it.

    `emergencies_in` is the part of the queue in which the viewer finds the emergencies.
    """

    stops: Sequence[StoppedAnswer]
    production: Sequence[EnvironmentStatus]
    more_production: int
    emergencies: int
    emergencies_in: str
    reviews_overdue: int
    may_freeze: bool
    may_stop: bool
    may_lift: bool
    at: datetime
