"""Parts that several answers share: runs, policies, holds, and types of text.

Repositories, artifacts and what runs in a place are values of the core.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, TypeAlias

from pydantic import Field, WithJsonSchema

from gate.core.change import Run
from gate.core.decision.record import Record
from gate.core.decision.values import BandWord, ChangeType, Hold, Outcome, Required, Route, WouldBe

Unknown: TypeAlias = Annotated[
    Sequence[str], Field(description="what the catalogue lacks, with the name that may be meant")
]
Sha256: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Address: TypeAlias = Annotated[
    str, WithJsonSchema({"type": "string", "format": "uri", "minLength": 1})
]


@dataclass(frozen=True)
class RiskAnswer:
    """The sum of points, and the band in which it lies."""

    score: int
    band: BandWord


@dataclass(frozen=True)
class RunAnswer:
    """The pipeline run that submitted the change."""

    id: str
    attempt: int
    step: str
    url: str | None


@dataclass(frozen=True)
class PolicyAnswer:
    """The policy that decided, and its revision."""

    name: str | None
    revision: str | None


@dataclass(frozen=True)
class RequiredAnswer:
    """A number of people from any of these groups. `missing` of them have not approved yet."""

    by: tuple[str, ...]
    count: int
    missing: int


@dataclass(frozen=True)
class HoldAnswer:
    """The reason why the change must wait, until when, and the groups whose override lifts the
    hold.
    """

    window: str
    reason: str
    until: datetime | None
    lifted_by: tuple[str, ...]
    stop: bool


@dataclass(frozen=True)
class ObservedAnswer:
    """The decision that an observing gate would have made if it had enforced."""

    outcome: Outcome
    type: ChangeType
    route: Route
    required: tuple[Required, ...]
    hold: HoldAnswer | None


def run_answer(run: Run | None) -> RunAnswer | None:
    """Return the run as an answer. An address that was not given is null."""
    if run is None:
        return None
    return RunAnswer(run.id, run.attempt, run.step, run.url or None)


def policy_answer(record: Record) -> PolicyAnswer:
    """Return the policy that made this decision."""
    return PolicyAnswer(record.decision.policy, record.revisions.policies or None)


def required_answer(entry: Required, missing: int) -> RequiredAnswer:
    """Return one entry of the approvals that a decision asks for."""
    return RequiredAnswer(entry.by, entry.count, missing)


def hold_answer(held: Hold | None, texts: Mapping[str, str]) -> HoldAnswer | None:
    """Return the hold as an answer. If its reason is the id of a text, the text is put in its
    place.
    """
    if held is None:
        return None
    reason = texts.get(held.reason, held.reason)
    return HoldAnswer(held.window, reason, utc(held.until), held.lifted_by, held.stop)


def observed_answer(observed: WouldBe | None, texts: Mapping[str, str]) -> ObservedAnswer | None:
    """Return what an observing gate would have decided, or None for a gate that enforced."""
    if observed is None:
        return None
    hold = hold_answer(observed.hold, texts)
    return ObservedAnswer(observed.outcome, observed.type, observed.route, observed.required, hold)


def utc(at: datetime | None) -> datetime | None:
    """Return the instant in UTC, as every answer has it, because the calendar has a time zone of
    its own.
    """
    return None if at is None else at.astimezone(UTC)
