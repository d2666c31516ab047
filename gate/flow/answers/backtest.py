"""The answer to a backtest: what a candidate would have decided."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field


class TriedOn(StrEnum):
    """The history on which policies are tried: the gate's own log, imported deployments, or a
    table.
    """

    LOG = "log"
    IMPORTED = "imported"
    TABLE = "table"


@dataclass(frozen=True)
class OutcomeCount:
    """A number of changes, and how many of them failed."""

    count: int
    failed: int


@dataclass(frozen=True)
class CaughtAnswer:
    """The share of all failures that is found among the changes with the highest scores.

    `escalated_share` is the share of changes, ranked by the candidate for `caught_share` and by the
    policies in force for `caught_share_in_force`. Both are null where nothing failed.
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
    """A candidate tried on the changes that were deployed in this time and have ended.

    `from` is later than the caller asked if there are more changes than one backtest looks at. For
    a table, which has no times, both `from` and `to` are null.
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
