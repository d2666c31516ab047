"""Deployments that went past the gate, as a page: which, where, who saw them, and what to do about
them.
"""

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from gate.api.http.permits import GateDep
from gate.api.models.fields import Name
from gate.flow.commands import Part
from gate.flow.queries import sightings
from gate.flow.queries.sightings import MISSING_WORDS
from gate.storage.incidents.sightings import Missing, SightingFilters
from gate.web.page import Blank, Cursor, Pages, View, following
from gate.web.viewer import Viewer

pages = Pages()


class SightingsPageQuery(BaseModel, extra="forbid"):
    """The parameters in the address."""

    service: Annotated[Name | None, Blank] = None
    environment: Annotated[Name | None, Blank] = None
    missing: Annotated[Missing | None, Blank] = None
    cursor: Cursor = None


@pages.page("/sightings")
async def show(query: Annotated[SightingsPageQuery, Query()], by: Viewer, gate: GateDep) -> View:
    """Return one page of these deployments, newest first."""
    filters = SightingFilters(
        service=query.service,
        environment=query.environment,
        missing=query.missing,
    )
    found = await sightings.listing(gate, filters, by, Part(cursor=query.cursor))
    kept = {
        name: value
        for name, value in query.model_dump(mode="json").items()
        if value and name != "cursor"
    }
    values = {
        "rows": found.items,
        "query": query,
        "catalogue": gate.rulebooks.latest.catalogue,
        "words": {missing.value: words for missing, words in MISSING_WORDS.items()},
        "following": following("/sightings", "found", **kept, cursor=found.next)
        if found.next
        else None,
        "is_filtered": bool(kept),
    }
    return View("sightings.html", {"items": list(found.items), "next": found.next}, values)
