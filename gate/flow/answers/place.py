"""What runs in one environment of a service, and what people said about a change there."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gate.core.change import State
from gate.core.history import Running
from gate.flow.answers.parts import HoldAnswer, Unknown


@dataclass(frozen=True)
class InFlightAnswer:
    """Another change of the same service and environment."""

    change: str
    state: State


@dataclass(frozen=True)
class PlaceAnswer:
    """What runs in one environment of a service, and what stands in the way there."""

    service: str
    environment: str
    unknown: Unknown
    running: Running | None
    gate: Literal["enforce", "observe"]
    # Nothing was ever admitted here.
    first_deployment: bool
    in_flight: tuple[InFlightAnswer, ...]
    hold: HoldAnswer | None
    next_opening: datetime | None


@dataclass(frozen=True)
class SaidAnswer:
    """What one person said about one decision of a change.

    `comment` null: there is none, or it was erased.
    """

    person: str
    decision: int
    said: Literal["approved", "rejected"]
    comment: str | None
    at: datetime
    lapsed_at: datetime | None
