"""What a candidate would have decided, as it is answered."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field


class TriedOn(StrEnum):
    """What the policies are tried on: the gate's own log, what was imported, or a table."""

    LOG = "log"
    IMPORTED = "imported"
    TABLE = "table"


@dataclass(frozen=True)
class OutcomeCount:
    """How many changes, and how many of them failed."""

    count: int
    failed: int


@dataclass(frozen=True)
class CaughtAnswer:
    """Which share of all failures is among this share of the changes, those with the highest
    scores: by the candidate, and by the policies in force. None where nothing failed.
    """

    escalated_share: float
    caught_share: float | None
    caught_share_in_force: float | None


@dataclass(frozen=True)
class FiredAnswer:
    """How often a rule gave points, and how many of those changes failed.

    `lift` is their failure rate over that of all changes; None where nothing fired or failed.
    """

    policy: str
    rule: str
    fired: int
    failed: int
    lift: float | None


@dataclass(frozen=True)
class BacktestAnswer:
    """A candidate over the changes that were deployed in this time and have ended.

    `from` is later than was asked where there are more changes than one backtest looks at. A table
    says nothing of time, so both are null.
    """

    history: TriedOn
    from_: Annotated[datetime | None, Field(alias="from")]
    to: datetime | None
    candidate: str
    in_force: str
    changes: int
    failed: int
    newly_approved: OutcomeCount
    newly_escalated: OutcomeCount
    curve: tuple[CaughtAnswer, ...]
    rules: tuple[FiredAnswer, ...]
