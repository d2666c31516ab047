"""Reports as pages: the questions that auditors ask, and the answer to one of them."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query
from pydantic import BaseModel, Field

from gate.api.http.permits import GateDep
from gate.api.models.fields import Instant, Name
from gate.flow.audit import reports
from gate.flow.audit.scope import ReportQuestion
from gate.flow.commands import Page
from gate.web.page import Blank, Pages, View
from gate.web.viewer import Viewer

pages = Pages()
ROWS_SHOWN = 500
"""The most rows on the page; the CSV has all of them."""


class ReportPageQuery(BaseModel, extra="forbid"):
    """The time and place of a report. An empty field of the form means none."""

    begins: Annotated[Instant | None, Blank, Field(alias="from")] = None
    ends: Annotated[Instant | None, Blank, Field(alias="to")] = None
    at: Annotated[Instant | None, Blank] = None
    service: Annotated[Name | None, Blank] = None
    environment: Annotated[Name | None, Blank] = None


@pages.page("/reports")
async def show_all(_: Viewer) -> View:
    """Return the list of all reports."""
    found = reports.listing()
    return View("reports.html", Page(found, next=None), {"found": found})


@pages.page("/reports/{name}")
async def show(
    name: str,
    query: Annotated[ReportPageQuery, Query()],
    _: Viewer,
    gate: GateDep,
) -> View:
    """Return one report, with the parameters and the digest by which two people can compare it."""
    asked = ReportQuestion(query.begins, query.ends, query.at, query.service, query.environment)
    found = await reports.report(gate, name, asked)
    same = {key: value for key, value in found.parameters.items() if value is not None}
    return View(
        "report.html",
        found,
        {
            "found": found,
            "rows": found.rows[:ROWS_SHOWN],
            "query": urlencode(same),
        },
    )
