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
    """The texts that the caller wrote beside the title. A text that was not given, or was erased,
    is empty.
    """

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
    """A member of a group whose approval an entry asks for."""

    id: str
    name: str
    excluded: bool
    approved: bool


@dataclass(frozen=True)
class AskedGroupAnswer:
    """A group whose approval is asked for, and its members."""

    group: str
    people: tuple[MemberAnswer, ...]


@dataclass(frozen=True)
class AskedGroupsAnswer:
    """One entry of the approvals that the decision asks for, with the people in its groups."""

    count: int
    missing: int
    by: tuple[AskedGroupAnswer, ...]


@dataclass(frozen=True)
class ExcludedAnswer:
    """A person who may not decide, and the reasons."""

    id: str
    name: str
    why: tuple[str, ...]


@dataclass(frozen=True)
class PeopleAnswer:
    """The people who may approve, and those who may not because they took part."""

    required: tuple[AskedGroupsAnswer, ...]
    excluded: tuple[ExcludedAnswer, ...]
    verified: bool


@dataclass(frozen=True)
class MayAnswer:
    """The acts that the viewer could do now. Each act is judged again when it is done.

    `own` and `approved` say why the viewer may not approve: as somebody who took part, or who has
    approved already.
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
    """The review after an emergency, which is owed or was held."""

    due_at: datetime
    done_at: datetime | None
    person: str | None


@dataclass(frozen=True)
class TiedAnswer:
    """An incident that is tied to the change, and the method by which it was tied."""

    id: str
    title: str
    severity: str
    method: Method
    began_at: datetime
    resolved_at: datetime | None


@dataclass(frozen=True)
class RepeatabilityAnswer:
    """How often similar changes were made here before, as of the decision in force.

    `kinds` are the kinds of its files, or none if the policy counts no list of files. Unknown
    numbers are None.
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
    """The change with everything around it.

    `timeline` has the entries of the ledger, oldest first: `kind`, `at` and `by` of each entry,
    then the fields of its kind.
    """

    change: ChangeAnswer
    # The requester, by the name that pages show.
    asked_by: str
    # The lowest score of each band above `low` in the policy that decided.
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
    # The notice to customers, if a policy puts the change in a notice class.
    notice: NoticeAnswer | None
    at: datetime


@dataclass(frozen=True)
class DueAnswer:
    """A review that was not held yet, and the owners who have to hold it."""

    change: ChangeAnswer
    due_at: datetime
    owners: tuple[str, ...]
