"""Answers about one week: what failed and how it was mended, what waited for whom, what is overdue,
and what to improve next.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field

from gate.core.change import Result
from gate.core.learning.concerns import Recovery
from gate.flow.answers.insights.concern import ConcernsAnswer
from gate.flow.answers.insights.improvement import CauseAnswer, ProposalAnswer


@dataclass(frozen=True)
class RecoveryAnswer:
    """How the place became well again. `change` is the deployment that did it; with the method
    `not_yet` everything else is null.
    """

    method: Recovery
    change: str | None
    at: datetime | None
    seconds: int | None


@dataclass(frozen=True)
class FailureAnswer:
    """A change that failed. A null `title` was erased; `notes` are what the report of its end
    said.
    """

    change: str
    title: str | None
    service: str
    environment: str
    failed_at: datetime
    result: Result | None
    notes: str | None
    incidents: tuple[CauseAnswer, ...]
    recovery: RecoveryAnswer


@dataclass(frozen=True)
class FailuresAnswer:
    """The changes that became known as failed in the week, oldest first. They may have been
    deployed before it, so they are no part of `deployments`.
    """

    n: int
    deployments: Annotated[int, Field(description="how many changes were admitted in the week")]
    items: tuple[FailureAnswer, ...]
    more: int
    page: str


@dataclass(frozen=True)
class WaitedForAnswer:
    """How long changes waited for one group, or in one place.

    `share` is the part of all waiting of the week. A change that asks several groups waits for each
    of them, so the shares of groups may add up to more than 1. `page` has the changes.
    """

    group: str | None
    service: str | None
    environment: str | None
    changes: int
    seconds: int
    share: float
    page: str


@dataclass(frozen=True)
class WaitedAnswer:
    """The changes that people decided in the week, and how long they had waited for it, without the
    time in which they were held.
    """

    changes: int
    seconds: int
    groups: tuple[WaitedForAnswer, ...]
    more_groups: int
    places: tuple[WaitedForAnswer, ...]
    more_places: int
    page: str
    all: Annotated[str, Field(description="where the changes are")]


@dataclass(frozen=True)
class WeekAnswer:
    """One week, as ISO 8601 counts them, in the time zone of the calendar in force.

    `at` is the instant as of which it was asked: the end of the week, or now while it goes on.
    """

    week: str
    time_zone: str
    from_: Annotated[datetime, Field(alias="from")]
    to: datetime
    at: datetime
    over: bool
    failed: FailuresAnswer
    waited: WaitedAnswer
    overdue: tuple[ConcernsAnswer, ...]
    candidates: tuple[ProposalAnswer, ...]
    before: str
    after: str | None
    page: str


@dataclass(frozen=True)
class WaitAnswer:
    """One change that waited, and how long."""

    change: str
    title: str | None
    service: str
    environment: str
    seconds: int
    decided_at: datetime


@dataclass(frozen=True)
class WaitsAnswer:
    """The changes of one week that waited for a group or in a place, the longest first."""

    week: str
    group: str | None
    service: str | None
    environment: str | None
    items: tuple[WaitAnswer, ...]
    more: Annotated[bool, Field(description="there are more than these, the longest")]
