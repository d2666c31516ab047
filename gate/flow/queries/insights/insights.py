"""Insights: delivery of a place, the share that is approved automatically, how long people take to
decide, and how old the queue is.
"""

from datetime import timedelta

from sqlalchemy import Connection

from gate.core.days import day_of
from gate.core.delivery import rate
from gate.flow.answers.delivery import DeliveryAnswer, RulePlaceAnswer, fail_rate, spread
from gate.flow.answers.insights.over_time import (
    InsightsAnswer,
    PlaceFigures,
    PlacesAnswer,
    PolicyChangeAnswer,
)
from gate.flow.gate import Gate
from gate.flow.queries import delivery, facets
from gate.flow.queries.delivery import DeliveryQuery
from gate.flow.queries.insights import periods
from gate.flow.queries.insights.periods import LONG_STEP, WEEK
from gate.flow.queries.waiting_list import WaitingList
from gate.storage.changes.log import LogFilters
from gate.storage.figures import insights as figures
from gate.storage.figures import places
from gate.storage.figures.delivery import Place
from gate.storage.figures.insights import RulePlace
from gate.storage.figures.places import EndedByPeriod, Periods
from gate.storage.policies import policy_sets

RULE_DAYS = 366
PLACES_SHOWN = 200
"""The most places that are listed, those with most deployments."""

_SECOND = timedelta(seconds=1)


async def insights(gate: Gate, waiting_list: WaitingList, query: DeliveryQuery) -> InsightsAnswer:
    """Return the figures of one place. Figures of several places are never added up."""
    environment = (await gate.rulebooks.current()).catalogue.environment_named(query.environment)
    filters = LogFilters(service=query.service, environment=environment)
    routes = (await facets.of_log(gate, filters))["route"]
    spent = await gate.store.read_slowly(figures.seconds_to_last_word, query.service, environment)
    now = gate.clock()
    here = [
        one
        for one in await waiting_list.waiting()
        if (one.service, one.environment) == (query.service, environment)
    ]
    decided = sum(one.count for one in routes)
    automatic = sum(one.count for one in routes if one.value == "automatic")
    delivered = await delivery.delivered(gate, query)
    calendar = periods.periods_until(now, _step(delivered.figures))
    ended, changed = await gate.store.read_slowly(_over_time, query.service, environment, calendar)
    return InsightsAnswer(
        delivery=delivered.figures,
        periods=periods.answers(calendar, ended),
        policy_changes=changed,
        lead_times=delivered.lead_times,
        recovery_times=delivered.recovery_times,
        routes=routes,
        automatic_share=automatic / decided if decided else None,
        decisions=decided,
        seconds_to_decision=spread(spent),
        queue_age_seconds=spread([int((now - one.submitted_at) / _SECOND) for one in here]),
    )


def _step(found: DeliveryAnswer) -> int:
    """Return how many days one period has: a week, or four weeks where weeks would be too many
    bars.
    """
    return WEEK if found.to - found.from_ <= periods.LENGTH else LONG_STEP


def _over_time(
    conn: Connection, service: str, environment: str, calendar: Periods
) -> tuple[EndedByPeriod, tuple[PolicyChangeAnswer, ...]]:
    days = calendar.days
    ended = places.of_place(conn, Place(service, environment, days), calendar.step)
    changed = policy_sets.changes_between(conn, days.begins_at, days.ends_at)
    return ended, tuple(PolicyChangeAnswer(one.policies, one.at) for one in changed)


async def production(gate: Gate) -> PlacesAnswer:
    """Return every place of the tier production with its last weeks, the busiest first.

    Places of the catalogue without deployments are listed too, and so are places with deployments
    that the catalogue no longer names.
    """
    catalogue = (await gate.rulebooks.current()).catalogue
    names = catalogue.production
    weeks = periods.periods_until(gate.clock(), WEEK)
    found = await gate.store.read_slowly(places.of_places, names, weeks)
    listed = {
        (service.name, name)
        for service in catalogue.services.values()
        for name in names
        if service.deploys_to(name)
    }
    rows = [place_figures(place, weeks, found.get(place, {})) for place in listed | found.keys()]
    rows.sort(key=lambda one: (-one.deployments, one.service, one.environment))
    return PlacesAnswer(tuple(rows[:PLACES_SHOWN]), max(len(rows) - PLACES_SHOWN, 0))


def place_figures(place: tuple[str, str], weeks: Periods, ended: EndedByPeriod) -> PlaceFigures:
    """Return the figures of one place, which is a service and an environment."""
    deployments = sum(one.deployments for one in ended.values())
    failed = sum(one.failed for one in ended.values())
    share = fail_rate(rate(failed, deployments))
    return PlaceFigures(
        **vars(share),
        service=place[0],
        environment=place[1],
        weeks=periods.answers(weeks, ended),
    )


async def busiest_place(gate: Gate, days: int) -> tuple[str, str] | None:
    """Return the place with most deployments in the last `days` days, or None if there were none.

    The page shows it to a viewer who has not chosen a place.
    """
    return await gate.store.read_slowly(figures.busiest_place, day_of(gate.clock()) - days)


async def rule_places(gate: Gate, policy: str, rule: str) -> tuple[RulePlaceAnswer, ...]:
    """Return, place by place, how the deployments ended to which a rule gave points."""
    since = day_of(gate.clock()) - RULE_DAYS
    found = await gate.store.read_slowly(figures.rule_places, f"{policy}/{rule}", since)
    return tuple(map(_rule_place, found))


def _rule_place(one: RulePlace) -> RulePlaceAnswer:
    share = rate(one.failed, one.deployments)
    return RulePlaceAnswer(*one, rate=share.rate, low=share.low, high=share.high)
