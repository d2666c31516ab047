"""Whether production may be deployed to now, as every page says it in one line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class StoppedAnswer:
    """A stopped line: by whom, since when, why, and what it stops. No names are all of them."""

    id: str
    by: str
    since: datetime
    reason: str
    services: Sequence[str]
    environments: Sequence[str]


@dataclass(frozen=True)
class EnvironmentStatus:
    """One environment of the tier production.

    Of its `services` so many are `frozen` and so many `stopped` now; what is frozen is open again
    by `open_at`, which is None where nothing is frozen, or where the calendar knows no end.
    `freezes_at` is when the next window begins.
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
    """What a release manager asks first, and what this person may do about it.

    `emergencies_in` is the part of the queue in which the viewer finds them.
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
