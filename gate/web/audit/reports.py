"""Reports as pages: the questions that auditors ask, and the answer to one of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, Field

from gate.api.http.permits import GateDep
from gate.api.models.fields import Instant, Name
from gate.core.instants import midnight
from gate.flow.answers.reports import ReportAnswer
from gate.flow.audit import reports
from gate.flow.audit.scope import ReportQuestion
from gate.flow.commands import Page
from gate.flow.queries import look
from gate.web.page import Blank, Pages, View
from gate.web.viewer import Viewer

pages = Pages()
ROWS_SHOWN = 500
"""The most rows on the page; the CSV has all of them."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DIGESTS = frozenset({"commit", "revision", "before"})
_INSTANTS = frozenset({"at", "close_by"})
_ALL_PLACES: Mapping[str, str] = {"service": "all services", "environment": "all environments"}


def _midnight(days_later: int) -> BeforeValidator:
    """Return a validator that takes a day for its midnight in UTC, or for that of a later day.

    The form sends days. An address may also have exact instants, as the links of a report do.
    """

    def read(value: Any) -> Any:
        if not isinstance(value, str) or not _DAY.fullmatch(value):
            return value or None
        try:
            day = date.fromisoformat(value) + timedelta(days=days_later)
        except (ValueError, OverflowError):
            return value
        return midnight(day).isoformat()

    return BeforeValidator(read)


class ReportPageQuery(BaseModel, extra="forbid"):
    """The time and place of a report. An empty field of the form means none."""

    begins: Annotated[Instant | None, _midnight(0), Field(alias="from")] = None
    ends: Annotated[Instant | None, _midnight(1), Field(alias="to")] = None
    at: Annotated[Instant | None, Blank] = None
    service: Annotated[Name | None, Blank] = None
    environment: Annotated[Name | None, Blank] = None


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a report as the page shows it. The template has a form for each `kind`."""

    label: str
    kind: str
    value: object

    @property
    def is_number(self) -> bool:
        """Whether it is set to the right, below others of its kind."""
        return self.kind in {"number", "rate"}


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
    rows = _cells(found)
    changes = [str(cell.value) for row in rows for cell in row if cell.kind == "change"]
    same = {key: value for key, value in found.parameters.items() if value is not None}
    begins, ends = (datetime.fromisoformat(same[key]) for key in ("from", "to"))
    return View(
        "report.html",
        found,
        {
            "found": found,
            "catalogue": gate.rulebooks.latest.catalogue,
            "columns": rows[0] if rows else [],
            "rows": rows,
            "titles": await look.titles(gate, changes),
            "first": begins.date().isoformat(),
            # The time ends before `ends`, so at midnight the day before is the last one.
            "last": (ends - timedelta(microseconds=1)).date().isoformat(),
            "begins": begins,
            "ends": ends,
            "query": urlencode(same),
        },
    )


def _cells(found: ReportAnswer) -> list[list[Cell]]:
    is_summed = found.name == "bypass"
    return [
        [_cell(column, row[column], is_summed=is_summed) for column in found.columns]
        for row in found.rows[:ROWS_SHOWN]
    ]


def _cell(column: str, value: object, *, is_summed: bool) -> Cell:
    """Return a cell with the form in which people read it. The CSV has it as it is."""
    kind, shown = "text", value
    match value:
        case None if is_summed and column in _ALL_PLACES:
            shown = _ALL_PLACES[column]
        case None:
            kind = ""
        case bool():
            shown = "yes" if value else "no"
        case float() if column == "rate":
            kind = "rate"
        case float():
            shown = f"{value:g}"
        case int():
            kind = "number"
        case list() | tuple():
            shown = "; ".join(map(str, value))
        case str():
            kind = _kind_of_text(column, value)
    return Cell(_label(column), kind, shown)


def _kind_of_text(column: str, text: str) -> str:
    if text.startswith("chg_"):
        return "change"
    if column in _INSTANTS or column.endswith("_at"):
        return "time"
    return "digest" if column in _DIGESTS else "text"


def _label(column: str) -> str:
    return column.replace("_", " ").capitalize()
