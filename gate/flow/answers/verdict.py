"""The answer to a controller that polls."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gate.core.decision.values import Outcome
from gate.flow.answers.parts import Address
from gate.flow.answers.reasons import ShortReason


class Phase(StrEnum):
    """The phases that controllers know."""

    SUCCESS = "success"
    PENDING = "pending"
    FAILURE = "failure"


@dataclass(frozen=True)
class VerdictAnswer:
    """The phase of a commit or an artifact in a place, and the reasons.

    `next_opening` is when the place opens again, if what waits there waits for that.
    """

    phase: Phase
    outcome: Outcome | None
    reasons: tuple[ShortReason, ...]
    change: str | None
    next_opening: datetime | None
    page: Address
