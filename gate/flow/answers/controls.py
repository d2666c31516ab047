"""Controls, and what of the policies in force serves them."""

from dataclasses import dataclass
from datetime import date, datetime

from gate.core.policy.controls import FRAMEWORKS, KNOWN, Served


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
