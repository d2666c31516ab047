"""Controls, what of the policies in force serves them, and the notices to customers that two of
them ask for (SCN-CSO-INF of FedRAMP), as far as the gate knows what a notice has to say.
"""

from dataclasses import dataclass
from datetime import date, datetime

from gate.core.notices import CountedFrom, NoticeClass, Status
from gate.core.policy.controls import FRAMEWORKS, KNOWN, Served
from gate.flow.answers.change import GivenAnswer
from gate.flow.answers.parts import PolicyAnswer

YOURS = (
    "FedRAMP id of the service offering",
    "name of the assessor, if there is one",
    "related vulnerability, if there is one",
    "new risks that result from the change, if there are any",
    "title of the approver",
)
"""What a notice has to say besides, and the gate does not know."""


@dataclass(frozen=True)
class ServedAnswer:
    """A rule, a requirement or a standard change, and why it is there."""

    policy: str
    kind: str
    id: str
    title: str
    why: str | None
    review_by: date | None
    overdue: bool


@dataclass(frozen=True)
class ControlAnswer:
    """One control.

    `asks` and `by_the_gate` are null for a control that the gate does not know by itself.
    """

    id: str
    framework: str
    clause: str
    asks: str | None
    by_the_gate: str | None
    reports: tuple[str, ...]
    served_by: tuple[ServedAnswer, ...]


@dataclass(frozen=True)
class ControlsAnswer:
    """Every control that is known or named, by the policies in force.

    `overdue` are the entries whose day of review has passed.
    """

    at: datetime
    policies: str
    controls: tuple[ControlAnswer, ...]
    overdue: tuple[ServedAnswer, ...]


@dataclass(frozen=True)
class WhyAnswer:
    """An entry of the policy by which the change is of its class; `holds` null is unknown."""

    rule: str
    title: str
    holds: bool | None


@dataclass(frozen=True)
class DutyAnswer:
    """One notice that is owed. `due` is the last day for it in the zone of the calendar; null where
    that is not known yet, or nothing is owed.
    """

    id: str
    requirement: str
    words: str
    counted_from: CountedFrom
    business_days: int
    due: date | None
    status: Status
    given_at: datetime | None
    given_by: str | None
    comment: str | None


@dataclass(frozen=True)
class NoticeAnswer:
    """What customers are to hear of a change. A text that was not given, or was erased, is null."""

    change: str
    service: str
    environment: str
    type: NoticeClass
    categorization: tuple[WhyAnswer, ...]
    emergency: bool
    description: str
    details: str | None
    reason: str | None
    customer_impact: str | None
    security_impact: str | None
    expected_outcome: str | None
    ticket: str | None
    rollback_plan: str | None
    test_plan: str | None
    planned_start: datetime | None
    planned_end: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    result: str | None
    approvers: tuple[GivenAnswer, ...]
    policy: PolicyAnswer
    time_zone: str
    duties: tuple[DutyAnswer, ...]
    to_be_added: tuple[str, ...]
    may_give: bool


def served_answer(entry: Served, today: date) -> ServedAnswer:
    """The entry as it is shown on that day."""
    grounds = entry.grounds
    return ServedAnswer(
        policy=entry.policy,
        kind=entry.kind,
        id=entry.id,
        title=entry.title,
        why=grounds.why or None,
        review_by=grounds.review_by,
        overdue=grounds.overdue(today),
    )


def control_answer(name: str, by: list[Served], today: date) -> ControlAnswer:
    """One control with everything that serves it."""
    framework, _, clause = name.partition(":")
    known = KNOWN.get(name)
    return ControlAnswer(
        id=name,
        framework=FRAMEWORKS.get(framework, framework),
        clause=clause,
        asks=known.asks if known else None,
        by_the_gate=known.by_the_gate if known else None,
        reports=known.reports if known else (),
        served_by=tuple(served_answer(one, today) for one in by),
    )
