"""Everything about one change, for a person who has to decide on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gate.core.change import Planned
from gate.core.incident import Method
from gate.flow.answers.change import ChangeAnswer
from gate.flow.answers.controls import NoticeAnswer
from gate.flow.answers.decision import DecisionAnswer
from gate.flow.answers.reasons import ExplainedReason


@dataclass(frozen=True)
class DetailsAnswer:
    """What the caller wrote beside the title; empty where there is nothing, or it was erased."""

    description: str
    impact: str
    rollback_plan: str
    test_plan: str
    reason: str
    security_impact: str
    expected_outcome: str
    customer_impact: str
    ticket: str
    emergency_reason: str
    emergency_incident: str
    planned: Planned
    remediates: str | None


@dataclass(frozen=True)
class MemberAnswer:
    """Somebody whose approval an entry asks for."""

    id: str
    name: str
    excluded: bool
    approved: bool


@dataclass(frozen=True)
class GroupAnswer:
    """A group that is asked, and who is in it."""

    group: str
    people: tuple[MemberAnswer, ...]


@dataclass(frozen=True)
class RequiredAnswer:
    """One entry of what the decision asks for, with the people behind the groups."""

    count: int
    missing: int
    by: tuple[GroupAnswer, ...]


@dataclass(frozen=True)
class ExcludedAnswer:
    """Somebody who may not decide, and why."""

    id: str
    name: str
    why: tuple[str, ...]


@dataclass(frozen=True)
class PeopleAnswer:
    """Who may approve, who has, who is missing, and who is left out because they took part."""

    required: tuple[RequiredAnswer, ...]
    excluded: tuple[ExcludedAnswer, ...]
    verified: bool


@dataclass(frozen=True)
class MayAnswer:
    """What the viewer could do now; each act is judged again when it is done.

    `own` and `approved` say why somebody may not approve: they took part, or have approved already.
    """

    approve: bool = False
    reject: bool = False
    take_back: bool = False
    override: bool = False
    lift: bool = False
    cancel: bool = False
    look_back: bool = False
    own: bool = False
    approved: bool = False


@dataclass(frozen=True)
class OwedAnswer:
    """The review afterwards that somebody owes, or has held."""

    due_at: datetime
    done_at: datetime | None
    person: str | None


@dataclass(frozen=True)
class TiedAnswer:
    """An incident that is tied to the change, and how it was."""

    id: str
    title: str
    severity: str
    method: Method
    began_at: datetime
    resolved_at: datetime | None


@dataclass(frozen=True)
class RepeatabilityAnswer:
    """How often something like this was done here before, as of the decision in force.

    `kinds` are those of its files, none where the policy counts no list of files. Numbers are None
    where they are unknown.
    """

    kinds: tuple[str, ...]
    changes: int | None
    failures: int | None
    days_since_last: int | None
    # The newest of them that is not this change; None where there is no other.
    last: str | None
    last_failed: bool | None
    # What was admitted here in the 24 hours before: one large change may come as many small ones.
    changes_last_24h: int | None
    lines_last_24h: int | None


@dataclass(frozen=True)
class StoryAnswer:
    """The change with all of it.

    `timeline` is what the ledger says, oldest first: `kind`, `at` and `by` of each entry, then the
    fields that its kind has.
    """

    change: ChangeAnswer
    # Whoever asked, as everybody is called here.
    asked_by: str
    # The lowest score of each band above `low`, as the policy that decided has it.
    bands: Mapping[str, int]
    explained: tuple[ExplainedReason, ...]
    against: tuple[ExplainedReason, ...]
    standard: tuple[ExplainedReason, ...]
    asked: DetailsAnswer
    people: PeopleAnswer
    may: MayAnswer
    reasons_key: str
    decisions: tuple[DecisionAnswer, ...]
    timeline: tuple[Mapping[str, Any], ...]
    earlier_events: bool
    previous: tuple[ChangeAnswer, ...]
    # Submitted to the same place after it, newest first.
    following: tuple[ChangeAnswer, ...]
    incidents: tuple[TiedAnswer, ...]
    repeatability: RepeatabilityAnswer
    post_review: OwedAnswer | None
    # What customers are to hear of it, if a policy says that it is of a notice class.
    notice: NoticeAnswer | None
    at: datetime


@dataclass(frozen=True)
class DueAnswer:
    """A review that nobody has held yet, and whose it is."""

    change: ChangeAnswer
    due_at: datetime
    owners: tuple[str, ...]
