"""How a place delivers, in figures, and its card."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field

from gate.core.delivery import Rate, percentile
from gate.flow.answers.parts import Unknown


@dataclass(frozen=True)
class SpreadAnswer:
    """Half of all values, and nine of ten, are not above these; null where there is none.

    Of a duration that is summed up only its bucket is kept, so it is at most a tenth off.
    """

    p50: int | None
    p90: int | None
    n: int


@dataclass(frozen=True)
class FailRateAnswer:
    """A rate with the 95 % interval of Wilson; null where nothing was deployed."""

    failed: int
    deployments: int
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class _Divided:
    """What the figures are of; null is none."""

    value: str | None


@dataclass(frozen=True)
class ShareAnswer(FailRateAnswer, _Divided):
    """The figures for one value of what they are divided by; a null value is none."""


@dataclass(frozen=True)
class ReworkAnswer:
    """How many deployments repaired an earlier one, or were emergencies."""

    rework: int
    deployments: int
    rate: float | None


@dataclass(frozen=True)
class DivisionsAnswer:
    """Change fail rate by what decided.

    `rule` is policy and rule; of `service` the others of the environment are shown too.
    """

    route: tuple[ShareAnswer, ...]
    band: tuple[ShareAnswer, ...]
    policy: tuple[ShareAnswer, ...]
    standard_change: tuple[ShareAnswer, ...]
    rule: tuple[ShareAnswer, ...]
    service: tuple[ShareAnswer, ...]


@dataclass(frozen=True)
class DeliveryAnswer:
    """DORA's five for one service in one environment."""

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
    """How many there are of one value."""

    value: str | None
    count: int


@dataclass(frozen=True)
class RulePlaceAnswer:
    """How the deployments of one place ended for which a rule gave points."""

    service: str
    environment: str
    deployments: int
    failed: int
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class WaitAnswer:
    """How long people take where they are asked; null where nobody was."""

    p50: int | None
    p90: int | None


@dataclass(frozen=True)
class EarnedAnswer:
    """So many settled successes in a row, of so many that are needed."""

    id: str
    earned: int
    of: int


@dataclass(frozen=True)
class WouldAnswer:
    """How many changes would have had each outcome."""

    approved: int
    pending: int
    rejected: int


@dataclass(frozen=True)
class ImportedAnswer:
    """What the gate would have said of imported deployments, one after the other, by the rules in
    force now. None of them was admitted, and nothing that is automatic rests on them.

    `without_facts`: of so many nobody asked what was in them, so they count as the worst case.
    `standard_changes`: what would be earned, had they been admitted.
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

    `failed_stopped`: of those that failed, how many would not have passed at once. `imported`: the
    same for what was deployed before the gate was asked, null where nothing was imported; it is in
    none of the other figures.
    """

    service: str
    environment: str
    unknown: Unknown
    from_: Annotated[datetime, Field(alias="from")]
    to: datetime
    changes: int
    would: WouldAnswer
    waiting_seconds: WaitAnswer
    failed: int
    failed_stopped: int
    standard_changes: tuple[EarnedAnswer, ...]
    suggestions: tuple[str, ...]
    imported: ImportedAnswer | None = None


@dataclass(frozen=True)
class MeasureAnswer:
    """What another system knows; `environment` null is every one of the service."""

    service: str
    environment: str | None
    name: str
    unit: str
    value: float
    at: datetime


@dataclass(frozen=True)
class MovedMeasureAnswer(MeasureAnswer):
    """The newest value of the time, beside the newest one before it; null where there was none."""

    before: float | None


@dataclass(frozen=True)
class ScoreAnswer:
    """One figure of the time, the same of the time before it, and the changes it is made of.

    `n` is how many changes or incidents were counted. `changes` are the newest of them. A value is
    null where nothing was counted.
    """

    value: float | None
    before: float | None
    n: int
    changes: tuple[str, ...]


@dataclass(frozen=True)
class FlowAnswer:
    """How fast it goes.

    `waiting_share` is the part of the lead time before the last approval; `oldest_waiting_seconds`
    is of what waits now, and its `before` is within what nine of ten were decided here.
    """

    change_lead_time_seconds: ScoreAnswer
    waiting_share: ScoreAnswer
    deployments_per_day: ScoreAnswer
    oldest_waiting_seconds: ScoreAnswer


@dataclass(frozen=True)
class QualityAnswer:
    """How well it goes. `reviews_that_changed` is the share of reviews that ended in a no."""

    change_fail_rate: ScoreAnswer
    deployment_rework_rate: ScoreAnswer
    reviews_that_changed: ScoreAnswer


@dataclass(frozen=True)
class StabilityAnswer:
    """What broke. Availability is measured elsewhere: it is the measure of that name."""

    incidents: ScoreAnswer
    failed_deployment_recovery_time_seconds: ScoreAnswer
    availability: MovedMeasureAnswer | None


@dataclass(frozen=True)
class CardAnswer:
    """One service in one environment. `verdict` says speed and stability together."""

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
    """A card for each place; figures of places are never added up.

    `before` is where the time begins that each figure is compared with. `more` says that there are
    further places: ask for a service or an owner.
    """

    unknown: Unknown
    from_: Annotated[datetime, Field(alias="from")]
    to: datetime
    before: datetime
    cards: tuple[CardAnswer, ...]
    more: bool


def fail_rate(found: Rate) -> FailRateAnswer:
    """The rate as it is shown."""
    return FailRateAnswer(found.part, found.whole, found.rate, found.low, found.high)


def spread_of_counts(counts: Mapping[int, int]) -> SpreadAnswer:
    """The spread of values that were counted."""
    return SpreadAnswer(percentile(counts, 0.5), percentile(counts, 0.9), sum(counts.values()))


def spread(values: Sequence[int]) -> SpreadAnswer:
    """The spread of these values."""
    ordered = sorted(values)
    return SpreadAnswer(_at(ordered, 50), _at(ordered, 90), len(ordered))


def _at(ordered: Sequence[int], percent: int) -> int | None:
    """The smallest value that so many do not exceed."""
    if ordered:
        return ordered[-(-len(ordered) * percent // 100) - 1]
    return None
