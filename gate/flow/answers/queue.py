"""The answer about a person's queue, as a page shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gate.flow.answers.change import ChangeAnswer
from gate.flow.answers.reasons import ExplainedReason


@dataclass(frozen=True)
class QueueItem(ChangeAnswer):
    """A change in the queue, with what the viewer has to do with it."""

    because: str
    against: tuple[ExplainedReason, ...]
    # Titles of requirements of which it is unknown whether they hold.
    unknown: tuple[str, ...]
    more_against: int
    needs_me: bool
    mine: bool
    approved_by_me: bool
    # Groups from which an approval is missing.
    needs: tuple[str, ...]
    reasons_key: str
    emergency_reason: str
    emergency_incident: str
    # The requester, by the name that pages show.
    asked_by: str
    # When it was approved, rejected, canceled or expired; None while it waits.
    settled_at: datetime | None
    # The people who approved, rejected or canceled it, and their last comment.
    decided_by: tuple[str, ...]
    said: str


@dataclass(frozen=True)
class FacetCount:
    """The number of changes in this part of the queue that have one value of a filter."""

    name: str
    value: str
    changes: int


@dataclass(frozen=True)
class QueueAnswer:
    """One page of one part of the queue, with the number of changes in each part."""

    tab: str
    counts: Mapping[str, int]
    items: tuple[QueueItem, ...]
    facets: tuple[FacetCount, ...]
    next: str | None
    at: datetime
