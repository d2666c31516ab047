"""Insights: DORA's five, how often changes fail and by what decided, how much passes by itself, how
long people take.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel

from gate.api.http.permits import GateDep
from gate.api.models.fields import Name
from gate.flow.answers.delivery import DivisionsAnswer
from gate.flow.answers.written import named
from gate.flow.queries.delivery import DeliveryQuery
from gate.flow.queries.insights import busiest_place, insights
from gate.web.insights.charts import bars
from gate.web.page import Blank, Pages, View
from gate.web.viewer import Viewer, WaitingListDep
from gate.web.words import short

DAYS = (7, 30, 90, 365)
_DAYS_USUAL = 30
_DIVIDED_BY = {
    "route": "by route",
    "band": "by risk",
    "rule": "by rule that gave points",
    "policy": "by policy revision",
    "standard_change": "by standard change",
}

pages = Pages()


class InsightsQuery(BaseModel, extra="forbid"):
    """Which place, and how many days."""

    service: Annotated[Name | None, Blank] = None
    environment: Annotated[Name | None, Blank] = None
    days: int = _DAYS_USUAL


@pages.page("/insights")
async def show(
    query: Annotated[InsightsQuery, Query()],
    by: Viewer,
    gate: GateDep,
    waiting_list: WaitingListDep,
) -> View:
    """One place at a time: what is added up over places says nothing about any of them."""
    catalogue = (await gate.rulebooks.current()).catalogue
    services, environments = sorted(catalogue.services), list(catalogue.environments)
    asked = query.service is not None or query.environment is not None
    busiest = None if asked else await busiest_place(gate, DAYS[-1])
    service, environment = busiest or (
        query.service or next(iter(services), None),
        query.environment or next(iter(environments), None),
    )
    values: dict[str, Any] = {
        "services": services,
        "environments": environments,
        "service": service,
        "environment": environment,
    }
    values |= {"days": query.days, "choices": DAYS, "found": None, "charts": []}
    if service is None or environment is None:
        return View("insights.html", {}, values)
    now = gate.clock()
    days = min(max(query.days, 1), DAYS[-1])
    found = await insights(
        gate, waiting_list, DeliveryQuery(service, environment, now - timedelta(days=days), now), by
    )
    return View(
        "insights.html",
        {**vars(found), "delivery": named(found.delivery)},
        {**values, "found": found, "charts": _charts(found.delivery.by)},
    )


def _charts(by: DivisionsAnswer) -> list[dict[str, Any]]:
    found = []
    for name, heading in _DIVIDED_BY.items():
        rows = [one for one in getattr(by, name) if one.deployments]
        if name == "policy":
            rows = [replace(one, value=short(one.value)) for one in rows]
        if rows:
            found.append(
                {"heading": f"Change fail rate {heading}", "rows": rows, "chart": bars(rows)}
            )
    return found
