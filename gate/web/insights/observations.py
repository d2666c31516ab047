"""Observations as a page: what the gate would have done where it only observes, and whether it is
safe to switch it to enforcing.
"""

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from gate.api.http.permits import GateDep
from gate.api.models.fields import Name
from gate.flow.queries.delivery import DeliveryQuery
from gate.flow.queries.observations import observations
from gate.web.page import Blank, Pages, View
from gate.web.viewer import Viewer

pages = Pages()


class ObservationsPageQuery(BaseModel, extra="forbid"):
    """The place that is shown."""

    service: Annotated[Name | None, Blank] = None
    environment: Annotated[Name | None, Blank] = None


@pages.page("/observations")
async def show(query: Annotated[ObservationsPageQuery, Query()], by: Viewer, gate: GateDep) -> View:
    """Return the report on one place. Without a chosen place, it is the first that the gate
    observes.
    """
    catalogue = (await gate.rulebooks.current()).catalogue
    observed = [
        (service.name, environment)
        for service in catalogue.services.values()
        for environment in service.observing
    ]
    if query.service and query.environment:
        place = (query.service, catalogue.environment_named(query.environment))
    else:
        place = observed[0] if observed else ("", "")
    values = {"observed": observed, "place": place, "found": None, "observes": place in observed}
    if place == ("", ""):
        return View("insights/observations.html", {}, values)
    found = await observations(gate, DeliveryQuery(*place), by)
    return View("insights/observations.html", found, {**values, "found": found})
