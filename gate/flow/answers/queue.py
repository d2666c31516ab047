"""The queue of a person, as a page shows it."""

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
    # Titles of requirements of which nobody knows if they hold.
    unknown: tuple[str, ...]
    more_against: int
    needs_me: bool
    mine: bool
    approved_by_me: bool
    # Groups of which somebody's approval is missing.
    needs: tuple[str, ...]
    reasons_key: str
    emergency_reason: str
    emergency_incident: str
    # Whoever asked, as everybody is called here.
    asked_by: str
    # When it was approved, rejected, canceled or expired; None while it waits.
    settled_at: datetime | None
    # Whoever approved, rejected or canceled it, and what they said last.
    decided_by: tuple[str, ...]
    said: str


@dataclass(frozen=True)
class FacetCount:
    """How many changes of this part have a value by which it can be filtered."""

    name: str
    value: str
    changes: int


@dataclass(frozen=True)
class QueueAnswer:
    """One page of one part of the queue, with how many changes there are in each part."""

    tab: str
    counts: Mapping[str, int]
    items: tuple[QueueItem, ...]
    facets: tuple[FacetCount, ...]
    next: str | None
    at: datetime
