"""How a place delivers: DORA's five figures, and the change fail rate divided by what decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from gate.core.decision.places import unknown_names
from gate.core.decision.values import Band
from gate.core.delivery import SpanCount, distribution, rate
from gate.flow.answers.delivery import (
    DeliveryAnswer,
    DivisionsAnswer,
    ReworkAnswer,
    ShareAnswer,
    fail_rate,
    spread_of_counts,
)
from gate.flow.gate import Gate
from gate.flow.queries.times import days_of
from gate.storage.figures import delivery
from gate.storage.figures.delivery import Place, Share, Sums

DAYS_DEFAULT = 30
DAYS_MAX = 366


@dataclass(frozen=True, slots=True)
class DeliveryQuery:
    """The place and the time that are asked for. Without a beginning, it is the last `DAYS_DEFAULT`
    days.
    """

    service: str
    environment: str
    begins: datetime | None = None
    ends: datetime | None = None


class Delivered(NamedTuple):
    """The figures of a place, and the distributions of its durations."""

    figures: DeliveryAnswer
    lead_times: tuple[SpanCount, ...]
    recovery_times: tuple[SpanCount, ...]


async def figures(gate: Gate, query: DeliveryQuery) -> DeliveryAnswer:
    """Return the figures of a place. They cover whole days in UTC, and each change counts on the
    day of its admission.

    Raises `Invalid` for a time that is empty or too long.
    """
    return (await delivered(gate, query)).figures


async def delivered(gate: Gate, query: DeliveryQuery) -> Delivered:
    """Return the figures of a place with the distributions of its durations.

    Raises `Invalid` as `figures` does.
    """
    catalogue = (await gate.rulebooks.current()).catalogue
    days = days_of(query, gate.clock(), usual_days=DAYS_DEFAULT, days_max=DAYS_MAX)
    place = Place(query.service, catalogue.environment_named(query.environment), days)
    unknown = unknown_names(catalogue, place.service, place.environment)
    sums = await gate.store.read_slowly(delivery.sums, place)
    return Delivered(
        _answer(place, sums, unknown), distribution(sums.lead), distribution(sums.recovery)
    )


def _answer(place: Place, sums: Sums, unknown: Sequence[str]) -> DeliveryAnswer:
    rework = rate(sums.rework, sums.deployments)
    by = {name: tuple(_share(name, one) for one in shares) for name, shares in sums.by.items()}
    return DeliveryAnswer(
        service=place.service,
        environment=place.environment,
        unknown=unknown,
        from_=place.days.begins_at,
        to=place.days.ends_at,
        change_lead_time_seconds=spread_of_counts(sums.lead),
        deployment_frequency_per_day=round(sums.deployments / place.days.length, 4),
        failed_deployment_recovery_time_seconds=spread_of_counts(sums.recovery),
        change_fail_rate=fail_rate(rate(sums.failed, sums.deployments)),
        deployment_rework_rate=ReworkAnswer(rework.part, rework.whole, rework.rate),
        by=DivisionsAnswer(**by),
    )


def _share(name: str, share: Share) -> ShareAnswer:
    value = str(share.value) if share.value else None
    if name == "band":
        value = Band(int(share.value)).word
    figures = fail_rate(rate(share.failed, share.deployments))
    return ShareAnswer(value=value, **vars(figures))
