"""Answers about the delivery of a place: its figures, its scorecard, and reports on an observing
gate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field

from gate.core.delivery import Rate, percentile
from gate.flow.answers.parts import Unknown


@dataclass(frozen=True)
class SpreadAnswer:
    """The values that half and nine tenths of all values do not exceed. They are null if there are
    none.

    Of durations that are added up only buckets are kept, so these are off by at most a tenth.
    """

    p50: int | None
    p90: int | None
    n: int


@dataclass(frozen=True)
class FailRateAnswer:
    """A failure rate with its 95 % Wilson interval. It is null if nothing was deployed."""

    failed: int
    deployments: int
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class _Divided:
    """The value by which the figures are divided. A null value stands for changes that
    have none.
    """

    value: str | None


@dataclass(frozen=True)
class ShareAnswer(FailRateAnswer, _Divided):
    """The failure rate for one value by which the figures are divided. A null value means none."""


@dataclass(frozen=True)
class ReworkAnswer:
    """The number of deployments that repaired an earlier one or were emergencies."""

    rework: int
    deployments: int
    rate: float | None


@dataclass(frozen=True)
class DivisionsAnswer:
    """The change fail rate divided by what decided.

    Values of `rule` are a policy and a rule. `service` shows the other services of the environment
    too.
    """

    route: tuple[ShareAnswer, ...]
    band: tuple[ShareAnswer, ...]
    policy: tuple[ShareAnswer, ...]
    standard_change: tuple[ShareAnswer, ...]
    rule: tuple[ShareAnswer, ...]
    service: tuple[ShareAnswer, ...]


@dataclass(frozen=True)
class DeliveryAnswer:
    """DORA's five figures for one service in one environment."""

    service: str
    environment: str
    unknown: Unknown
    from_: Annotated[datetime, Field(alias="from")]
    to: datetime
    change_lead_time_seconds: SpreadAnswer
    deployment_frequency_per_day: float
    failed_deployment_recovery_time_seconds: SpreadAnswer
    change_fail_rate: FailRateAnswer
    deployment_rework_rate: ReworkAnswer
    by: DivisionsAnswer


@dataclass(frozen=True)
class CountAnswer:
    """How often one value occurs."""

    value: str | None
    count: int


@dataclass(frozen=True)
class RulePlaceAnswer:
    """How deployments of one place ended to which a rule gave points."""

    service: str
    environment: str
    deployments: int
    failed: int
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class UsualWaitAnswer:
    """How long people take to decide. Both values are null if they were never asked."""

    p50: int | None
    p90: int | None


@dataclass(frozen=True)
class EarnedAnswer:
    """A standard change with its settled successes in a row, and the number that it needs."""

    id: str
    title: str
    earned: int
    of: int


@dataclass(frozen=True)
class WouldAnswer:
    """The numbers of changes that would have had each outcome."""

    approved: int
    pending: int
    rejected: int


@dataclass(frozen=True)
class ImportedAnswer:
    """What the gate would have decided on imported deployments, one after the other, by the rules
    in force now. None of them was admitted, so nothing automatic relies on them.

    `without_facts` is the number of deployments of which no content is known, so that they count as
    the worst case. `standard_changes` are what would be earned if they had been admitted.
    """

    sources: tuple[str, ...]
    deployments: int
    without_facts: int
    first_at: datetime
    last_at: datetime
    would: WouldAnswer
    failed: int
    failed_stopped: int
    standard_changes: tuple[EarnedAnswer, ...]
    suggestions: tuple[str, ...]


@dataclass(frozen=True)
class ObservationsAnswer:
    """What the gate would have done with the changes that were deployed here while it observed.

    `failed_stopped` is how many of the failed changes would not have been approved at once.
    `imported` is about deployments from before the gate was asked, which no other figure counts; it
    is null if nothing was imported.
    """

    service: str
    environment: str
    unknown: Unknown
    from_: Annotated[datetime, Field(alias="from")]
    to: datetime
    changes: int
    would: WouldAnswer
    waiting_seconds: UsualWaitAnswer
    failed: int
    failed_stopped: int
    standard_changes: tuple[EarnedAnswer, ...]
    suggestions: tuple[str, ...]
    imported: ImportedAnswer | None = None


@dataclass(frozen=True)
class MeasureAnswer:
    """A measurement of another system. A null `environment` means every environment of
    the service.
    """

    service: str
    environment: str | None
    name: str
    unit: str
    value: float
    at: datetime


@dataclass(frozen=True)
class MovedMeasureAnswer(MeasureAnswer):
    """The newest value of the time, and the newest one before the time, which is null if there was
    none.
    """

    before: float | None


@dataclass(frozen=True)
class ScoreAnswer:
    """One figure of the time, with its value in the time before and the changes behind it.

    `n` is how many changes or incidents were counted, and `changes` are the newest of them. A value
    is null if nothing was counted.
    """

    value: float | None
    before: float | None
    n: int
    changes: tuple[str, ...]


@dataclass(frozen=True)
class FlowAnswer:
    """The speed of delivery.

    `waiting_share` is the part of the lead time before the last approval. `oldest_waiting_seconds`
    is about what waits now; its `before` is the time in which nine tenths of the changes here were
    decided.
    """

    change_lead_time_seconds: ScoreAnswer
    waiting_share: ScoreAnswer
    deployments_per_day: ScoreAnswer
    oldest_waiting_seconds: ScoreAnswer


@dataclass(frozen=True)
class QualityAnswer:
    """The quality of delivery. `reviews_that_changed` is the share of reviews that ended in a
    rejection.
    """

    change_fail_rate: ScoreAnswer
    deployment_rework_rate: ScoreAnswer
    reviews_that_changed: ScoreAnswer


@dataclass(frozen=True)
class StabilityAnswer:
    """Incidents and recovery. `availability` is the measure of that name, which another system
    reports.
    """

    incidents: ScoreAnswer
    failed_deployment_recovery_time_seconds: ScoreAnswer
    availability: MovedMeasureAnswer | None


@dataclass(frozen=True)
class CardAnswer:
    """One service in one environment. `verdict` puts speed and stability into one word."""

    service: str
    environment: str
    owners: tuple[str, ...]
    verdict: str
    flow: FlowAnswer
    quality: QualityAnswer
    stability: StabilityAnswer
    customer: tuple[MovedMeasureAnswer, ...]


@dataclass(frozen=True)
class ScorecardAnswer:
    """A card for each place. Figures of several places are never added up.

    `before` is the beginning of the time with which each figure is compared. If `more` is true,
    there are further places: ask for a service or an owner.
    """

    unknown: Unknown
    from_: Annotated[datetime, Field(alias="from")]
    to: datetime
    before: datetime
    cards: tuple[CardAnswer, ...]
    more: bool


def fail_rate(found: Rate) -> FailRateAnswer:
    """Return the rate as an answer."""
    return FailRateAnswer(found.part, found.whole, found.rate, found.low, found.high)


def spread_of_counts(counts: Mapping[int, int]) -> SpreadAnswer:
    """Return the spread of values that are given as counts."""
    return SpreadAnswer(percentile(counts, 0.5), percentile(counts, 0.9), sum(counts.values()))


def spread(values: Sequence[int]) -> SpreadAnswer:
    """Return the spread of these values."""
    ordered = sorted(values)
    return SpreadAnswer(_at(ordered, 50), _at(ordered, 90), len(ordered))


def _at(ordered: Sequence[int], percent: int) -> int | None:
    """Return the smallest value that this percentage of all values does not exceed."""
    if ordered:
        return ordered[-(-len(ordered) * percent // 100) - 1]
    return None
