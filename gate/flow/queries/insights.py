"""How well it goes: delivery of a place, how much passes by itself, how long people take, how old
the queue is.
"""

from collections.abc import Sequence
from datetime import timedelta

from gate.core.delivery import rate
from gate.core.instants import to_us
from gate.flow.asks import LogFilters, Wire
from gate.flow.caller import Caller
from gate.flow.gate import Gate
from gate.flow.queries import delivery, facets
from gate.flow.queries.delivery import DeliveryAsk
from gate.flow.queries.desk import Desk
from gate.storage.figures import insights as figures

RULE_DAYS = 366
_DAY_US = 24 * 3600 * 1_000_000
_SECOND = timedelta(seconds=1)


async def insights(gate: Gate, desk: Desk, ask: DeliveryAsk, by: Caller) -> Wire:
    """Of one place; figures of places are never added up."""
    environment = (await gate.rulebooks.current()).catalogue.environment_named(ask.environment)
    routes = (
        await facets.of_log(gate, LogFilters(service=ask.service, environment=environment), by)
    )["route"]
    spent = await gate.store.read_slowly(figures.seconds_to_last_word, ask.service, environment)
    now = gate.clock()
    here = [
        one
        for one in await desk.waiting()
        if (one.service, one.environment) == (ask.service, environment)
    ]
    decided = sum(one["count"] for one in routes)
    automatic = sum(one["count"] for one in routes if one["value"] == "automatic")
    return {
        "delivery": await delivery.figures(gate, ask, by),
        "routes": routes,
        "automatic_share": automatic / decided if decided else None,
        "decisions": decided,
        "seconds_to_decision": _spread(spent),
        "queue_age_seconds": _spread([int((now - one.submitted_at) / _SECOND) for one in here]),
    }


async def busiest_place(gate: Gate, days: int) -> tuple[str, str] | None:
    """Where most was deployed in so many days: what a visitor is shown who has not asked for a
    place.
    """
    return await gate.store.read_slowly(
        figures.busiest_place, to_us(gate.clock()) // _DAY_US - days
    )


async def rule_places(gate: Gate, policy: str, rule: str, by: Caller) -> list[Wire]:
    """How the deployments ended for which a rule gave points, place by place."""
    _ = by  # everybody who reads policies reads how they do
    since = to_us(gate.clock()) // _DAY_US - RULE_DAYS
    found = await gate.store.read_slowly(figures.rule_places, f"{policy}/{rule}", since)
    return [{**one._asdict(), **_interval(one.failed, one.deployments)} for one in found]


def _interval(failed: int, deployments: int) -> Wire:
    told = rate(failed, deployments)
    return {"rate": told.rate, "low": told.low, "high": told.high}


def _spread(values: Sequence[int]) -> Wire:
    ordered = sorted(values)
    return {"p50": _at(ordered, 50), "p90": _at(ordered, 90), "n": len(ordered)}


def _at(ordered: Sequence[int], percent: int) -> int | None:
    """The smallest value that so many do not exceed."""
    return ordered[-(-len(ordered) * percent // 100) - 1] if ordered else None
