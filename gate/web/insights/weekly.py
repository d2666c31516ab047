"""The pack of a week as a page, and the changes that waited in it."""

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from gate.api.http.permits import GateDep
from gate.api.models.fields import Name
from gate.api.models.learning import WeekName
from gate.flow.answers.written import named
from gate.flow.learning import weeks
from gate.flow.learning.concerns import ended, page_of
from gate.flow.learning.week_in_words import CONCERNS, recovery
from gate.flow.learning.weeks import PackPart, WeekQuery
from gate.storage.figures.waits import WaitFilters
from gate.web.page import Blank, Pages, View
from gate.web.viewer import Viewer

pages = Pages()


class WeeklyPageQuery(BaseModel, extra="forbid"):
    """The week, and the part that is shown with all its lines."""

    week: Annotated[WeekName | None, Blank] = None
    part: Annotated[PackPart | None, Blank] = None


class WaitsPageQuery(BaseModel, extra="forbid"):
    """The week, and the group or the place that changes waited for or in."""

    week: WeekName
    group: Annotated[Name | None, Blank] = None
    service: Annotated[Name | None, Blank] = None
    environment: Annotated[Name | None, Blank] = None


@pages.page("/weekly")
async def show(query: Annotated[WeeklyPageQuery, Query()], _: Viewer, gate: GateDep) -> View:
    """Return the pack of a week, or of the one that goes on."""
    found = await weeks.pack(gate, WeekQuery(query.week, query.part))
    values = {
        "found": found,
        "headings": CONCERNS,
        "ended": ended,
        "recovery": recovery,
        "take": page_of,
    }
    return View("insights/weekly.html", named(found), values)


@pages.page("/weekly/waits")
async def show_waits(query: Annotated[WaitsPageQuery, Query()], _: Viewer, gate: GateDep) -> View:
    """Return the changes that waited, the longest first."""
    found = await weeks.waits_of(gate, WaitFilters(**dict(query)))
    return View("insights/waits.html", found, {"found": vars(found)})
