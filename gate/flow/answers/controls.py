"""Answers about controls: which entries of the policies in force serve them, and the notices to
customers that SCN-CSO-INF of FedRAMP asks for.

A notice contains what the gate knows; `to_be_added` names what is left to add.
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
"""The parts of a notice that the gate does not know, so that people have to add them."""


@dataclass(frozen=True)
class ServedAnswer:
    """A rule, a requirement or a standard change, and the reason why the policy has it."""

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
    """Every control that the gate knows or that the policies in force name.

    `overdue` are the entries whose day of review has passed.
    """

    at: datetime
    policies: str
    controls: tuple[ControlAnswer, ...]
    overdue: tuple[ServedAnswer, ...]


@dataclass(frozen=True)
class WhyAnswer:
    """An entry of the policy that puts the change in its class. A null `holds` means unknown."""

    rule: str
    title: str
    holds: bool | None


@dataclass(frozen=True)
class DutyAnswer:
    """One notice that is owed.

    `due` is its last day in the time zone of the calendar. It is null if that day is not known yet,
    or if nothing is owed.
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
    """The notice to customers about a change. A text that was not given, or was erased, is null."""

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
    """Return the entry as an answer, with `overdue` judged on that day."""
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
    """Return one control with every entry that serves it."""
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
