"""The answer to a controller that polls."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gate.core.decision.values import Outcome
from gate.flow.answers.parts import Address
from gate.flow.answers.reasons import ReasonAnswer


class Phase(StrEnum):
    """The phases that controllers know."""

    SUCCESS = "success"
    PENDING = "pending"
    FAILURE = "failure"


@dataclass(frozen=True)
class ShortReason:
    """One reason of a decision, without its facts, which the change has."""

    rule: str
    title: str
    points: int
    holds: bool | None
    because: str


@dataclass(frozen=True)
class VerdictAnswer:
    """The phase of a commit or an artifact in a place, and the reasons."""

    phase: Phase
    outcome: Outcome | None
    reasons: tuple[ShortReason, ...]
    change: str | None
    next_opening: datetime | None
    page: Address


def short_reason(one: ReasonAnswer) -> ShortReason:
    """Return the reason without its facts."""
    return ShortReason(one.rule, one.title, one.points, one.holds, one.because)
