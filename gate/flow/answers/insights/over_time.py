"""Figures for people to look at: how deployments ended over time, of one place and of many."""

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
    """Deployments from one day to before another, UTC, and how many of them failed."""

    begins: date
    ends: date
    deployments: int
    failed: int


@dataclass(frozen=True)
class PolicyChangeAnswer:
    """Other policies decided from this instant on."""

    revision: str
    at: datetime


@dataclass(frozen=True)
class InsightsAnswer:
    """How well it goes in one place.

    `periods` have equal length and end with today's; a policy change lies in one of them.
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
    """What the figures are of."""

    service: str
    environment: str


@dataclass(frozen=True)
class PlaceFigures(FailRateAnswer, _Placed):
    """One service in one environment, week by week and in all of these weeks."""

    weeks: Sequence[PeriodAnswer]


@dataclass(frozen=True)
class PlacesAnswer:
    """Every place of the tier production, the busiest first; so many `more` are left out."""

    places: Sequence[PlaceFigures]
    more: int
