"""How well it goes: delivery of a place, how much passes by itself, how long people take, how old
the queue is.
"""

from datetime import timedelta

from gate.core.delivery import rate
from gate.core.instants import to_us
from gate.flow.answers.delivery import InsightsAnswer, RulePlaceAnswer, spread
from gate.flow.caller import Caller
from gate.flow.gate import Gate
from gate.flow.queries import delivery, facets
from gate.flow.queries.delivery import DeliveryQuery
from gate.flow.queries.waiting_list import WaitingList
from gate.storage.changes.log import LogFilters
from gate.storage.figures import insights as figures
from gate.storage.figures.insights import RulePlace

RULE_DAYS = 366
_DAY_US = 24 * 3600 * 1_000_000
_SECOND = timedelta(seconds=1)


async def insights(
    gate: Gate, waiting_list: WaitingList, query: DeliveryQuery, by: Caller
) -> InsightsAnswer:
    """Of one place; figures of places are never added up."""
    environment = (await gate.rulebooks.current()).catalogue.environment_named(query.environment)
    filters = LogFilters(service=query.service, environment=environment)
    routes = (await facets.of_log(gate, filters, by))["route"]
    spent = await gate.store.read_slowly(figures.seconds_to_last_word, query.service, environment)
    now = gate.clock()
    here = [
        one
        for one in await waiting_list.waiting()
        if (one.service, one.environment) == (query.service, environment)
    ]
    decided = sum(one.count for one in routes)
    automatic = sum(one.count for one in routes if one.value == "automatic")
    return InsightsAnswer(
        delivery=await delivery.figures(gate, query, by),
        routes=routes,
        automatic_share=automatic / decided if decided else None,
        decisions=decided,
        seconds_to_decision=spread(spent),
        queue_age_seconds=spread([int((now - one.submitted_at) / _SECOND) for one in here]),
    )


async def busiest_place(gate: Gate, days: int) -> tuple[str, str] | None:
    """Where most was deployed in so many days: what a visitor is shown who has not asked for a
    place.
    """
    return await gate.store.read_slowly(
        figures.busiest_place, to_us(gate.clock()) // _DAY_US - days
    )


async def rule_places(
    gate: Gate, policy: str, rule: str, by: Caller
) -> tuple[RulePlaceAnswer, ...]:
    """How the deployments ended for which a rule gave points, place by place."""
    # Everybody who reads policies reads how they do.
    _ = by
    since = to_us(gate.clock()) // _DAY_US - RULE_DAYS
    found = await gate.store.read_slowly(figures.rule_places, f"{policy}/{rule}", since)
    return tuple(map(_rule_place, found))


def _rule_place(one: RulePlace) -> RulePlaceAnswer:
    share = rate(one.failed, one.deployments)
    return RulePlaceAnswer(*one, rate=share.rate, low=share.low, high=share.high)
