"""Answers about how deployments ended over time, in one place and in many."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from gate.core.delivery import SpanCount
from gate.flow.answers.delivery import (
    CountAnswer,
    DeliveryAnswer,
    FailRateAnswer,
    SpreadAnswer,
)


@dataclass(frozen=True)
class PeriodAnswer:
    """The deployments of one period of days in UTC, and how many of them failed. `ends` is not part
    of it.
    """

    begins: date
    ends: date
    deployments: int
    failed: int


@dataclass(frozen=True)
class PolicyChangeAnswer:
    """An instant at which other policies came into force."""

    revision: str
    at: datetime


@dataclass(frozen=True)
class InsightsAnswer:
    """The figures of one place.

    All `periods` have equal length, and the last one contains today. Each policy change lies in one
    of them.
    """

    delivery: DeliveryAnswer
    periods: Sequence[PeriodAnswer]
    policy_changes: Sequence[PolicyChangeAnswer]
    lead_times: Sequence[SpanCount]
    recovery_times: Sequence[SpanCount]
    routes: Sequence[CountAnswer]
    automatic_share: float | None
    decisions: int
    seconds_to_decision: SpreadAnswer
    queue_age_seconds: SpreadAnswer


@dataclass(frozen=True)
class _Placed:
    """The place of the figures."""

    service: str
    environment: str


@dataclass(frozen=True)
class PlaceFigures(FailRateAnswer, _Placed):
    """One service in one environment, week by week and in all of these weeks."""

    weeks: Sequence[PeriodAnswer]


@dataclass(frozen=True)
class PlacesAnswer:
    """The places of the tier production, the busiest first. `more` says how many are left out."""

    places: Sequence[PlaceFigures]
    more: int
