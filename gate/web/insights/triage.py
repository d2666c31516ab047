"""The triage list as a page: what nobody has mended yet, with its owners and the way there."""

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from gate.api.http.permits import GateDep
from gate.core.learning.concerns import Concern
from gate.flow.learning.triage import triage
from gate.flow.learning.week_in_words import CONCERNS
from gate.web.page import Blank, Pages, View
from gate.web.viewer import Viewer

pages = Pages()


class TriagePageQuery(BaseModel, extra="forbid"):
    """The kind that is shown with all that was found of it."""

    kind: Annotated[Concern | None, Blank] = None


@pages.page("/triage")
async def show(query: Annotated[TriagePageQuery, Query()], _: Viewer, gate: GateDep) -> View:
    """Return the first things of every kind, or all of one."""
    found = await triage(gate, query.kind)
    values = {
        "found": found,
        "headings": CONCERNS,
        "kind": query.kind,
        "now": found.at,
    }
    return View("insights/triage.html", found, values)
