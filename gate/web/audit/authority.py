"""The authority map as a page: who may do what in each place, and what nobody may."""

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from gate.api.http.permits import GateDep
from gate.api.models.fields import Name
from gate.flow.audit.authority import AuthorityQuery, authority
from gate.web.page import Blank, Pages, View
from gate.web.viewer import Viewer

pages = Pages()


class AuthorityPageQuery(BaseModel, extra="forbid"):
    """The places that are shown."""

    service: Annotated[Name | None, Blank] = None
    environment: Annotated[Name | None, Blank] = None


@pages.page("/authority")
async def show(query: Annotated[AuthorityPageQuery, Query()], _: Viewer, gate: GateDep) -> View:
    """Return the map of all places, or of those that the viewer chose."""
    found = await authority(gate, AuthorityQuery(query.service, query.environment))
    catalogue = gate.rulebooks.latest.catalogue
    values = {
        "found": found,
        "asked": query,
        "services": sorted(catalogue.services),
        "environments": list(catalogue.environments),
    }
    return View("authority.html", found, values)
