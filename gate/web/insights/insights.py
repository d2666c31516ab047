"""Insights as a page: DORA's five figures, the change fail rate by what decided, the share that is
approved automatically, and how long people take.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel

from gate.api.http.permits import GateDep
from gate.api.models.fields import Name
from gate.core.policy.set import rule_titles
from gate.flow.answers.delivery import DivisionsAnswer
from gate.flow.answers.insights.over_time import InsightsAnswer, PlacesAnswer
from gate.flow.answers.written import named
from gate.flow.queries.delivery import DeliveryQuery
from gate.flow.queries.insights.insights import busiest_place, insights, production
from gate.flow.queries.insights.periods import WEEK, WEEKS
from gate.web.insights.charts import bars, in_words, over_time, spark, spread
from gate.web.page import Blank, Pages, View
from gate.web.viewer import Viewer, WaitingListDep
from gate.web.words import short

DAYS = (7, 30, 90, 365)
_DAYS_USUAL = 30
BARS_SHOWN = 12
"""The most bars of a picture; the table beside it has all rows."""

_DIVIDED_BY = {
    "route": "by route",
    "band": "by risk",
    "rule": "by rule that gave points",
    "policy": "by policy revision",
    "standard_change": "by standard change",
}

pages = Pages()


class InsightsQuery(BaseModel, extra="forbid"):
    """The place and the number of days that are shown."""

    service: Annotated[Name | None, Blank] = None
    environment: Annotated[Name | None, Blank] = None
    days: int = _DAYS_USUAL


@pages.page("/insights")
async def show(
    query: Annotated[InsightsQuery, Query()],
    _: Viewer,
    gate: GateDep,
    waiting_list: WaitingListDep,
) -> View:
    """Return all production places in one table, and the figures of one place.

    Figures are never added up over places, because a sum says nothing about any of them.
    """
    catalogue = (await gate.rulebooks.current()).catalogue
    compared = await production(gate)
    services, environments = sorted(catalogue.services), list(catalogue.environments)
    asked = query.service is not None or query.environment is not None
    busiest = None if asked else await busiest_place(gate, DAYS[-1])
    service, environment = busiest or (
        query.service or next(iter(services), None),
        query.environment or next(iter((*catalogue.production, *environments)), None),
    )
    values: dict[str, Any] = {
        **_compared(compared),
        "services": services,
        "environments": environments,
        "service": service,
        "environment": environment,
        "days": query.days,
        "choices": DAYS,
        "found": None,
    }
    if service is None or environment is None:
        return View("insights/insights.html", {"production": compared}, values)
    titles = rule_titles((await gate.rulebooks.current()).policies)
    now = gate.clock()
    days = min(max(query.days, 1), DAYS[-1])
    found = await insights(
        gate, waiting_list, DeliveryQuery(service, environment, now - timedelta(days=days), now)
    )
    return View(
        "insights/insights.html",
        {"production": compared, **vars(found), "delivery": named(found.delivery)},
        {**values, "found": found, **_charts(found, now.date(), titles)},
    )


def _compared(found: PlacesAnswer) -> dict[str, Any]:
    return {
        "weeks": WEEKS,
        "rows": [(one, spark(one.weeks)) for one in found.places],
        "several": len({one.environment for one in found.places}) > 1,
        "more": found.more,
    }


def _charts(found: InsightsAnswer, today: date, titles: Mapping[str, str]) -> dict[str, Any]:
    return {
        "long": found.periods[0].ends - found.periods[0].begins > timedelta(days=WEEK),
        "over_time": over_time(found.periods, found.policy_changes, today),
        "spreads": [
            ("Change lead time", found.lead_times, spread(found.lead_times)),
            ("Recovery of failed deployments", found.recovery_times, spread(found.recovery_times)),
        ],
        "in_words": in_words,
        "rates": _rates(found.delivery.by, titles),
    }


def _rates(by: DivisionsAnswer, titles: Mapping[str, str]) -> list[dict[str, Any]]:
    found = []
    for name, heading in _DIVIDED_BY.items():
        rows = [one for one in getattr(by, name) if one.deployments]
        if name == "policy":
            rows = [replace(one, value=short(one.value)) for one in rows]
        if name == "rule":
            rows = [replace(one, value=titles.get(one.value or "", one.value)) for one in rows]
        if rows:
            shown = rows[:BARS_SHOWN]
            found.append(
                {"heading": f"Change fail rate {heading}", "rows": rows, "chart": bars(shown)}
            )
    return found
