"""The data of a change for receivers outside. It contains only what never changes, so that a later
attempt sends the same bytes.
"""

from dataclasses import dataclass
from datetime import datetime

from gate.core.change import Artifact, Repository
from gate.core.decision.values import ChangeType, Outcome, Required, Route
from gate.flow.answers.parts import HoldAnswer, ObservedAnswer, PolicyAnswer, RiskAnswer, RunAnswer
from gate.flow.answers.reasons import ShortReason


@dataclass(frozen=True)
class EventLinks:
    """Addresses of the change for programs and for people, and of its place."""

    self: str
    page: str
    place: str


@dataclass(frozen=True)
class EventChange:
    """The part of a change that never changes."""

    id: str
    service: str
    environment: str
    repository: Repository | None
    commit: str
    ref: str | None
    artifacts: tuple[Artifact, ...]
    run: RunAnswer | None
    submitted_at: datetime
    links: EventLinks


@dataclass(frozen=True)
class EventDecision:
    """One decision."""

    number: int
    outcome: Outcome
    type: ChangeType
    route: Route
    risk: RiskAnswer
    policy: PolicyAnswer
    standard_change: str | None
    reasons: tuple[ShortReason, ...]
    required: tuple[Required, ...]
    hold: HoldAnswer | None
    observed: ObservedAnswer | None


@dataclass(frozen=True)
class DecidedEvent:
    """A change was decided."""

    change: EventChange
    decision: EventDecision
    title: str
    subject_digest: str
