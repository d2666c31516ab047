"""The calendar page: the change schedule by week and by month, windows, and stopped lines."""

import calendar as months
from collections.abc import Sequence
from datetime import date, timedelta, tzinfo
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import Query
from pydantic import BaseModel

from gate.api.http.permits import GateDep
from gate.api.models.fields import Name
from gate.core.instants import midnight
from gate.errors import GateError, Invalid
from gate.flow.answers.calendar import PlannerAnswer, WindowAnswer
from gate.flow.answers.parts import HoldAnswer
from gate.flow.caller import Person
from gate.flow.gate import Gate
from gate.flow.policies import freezes
from gate.flow.queries import calendar, look
from gate.web.lanes import of_week
from gate.web.page import Blank, Pages, View
from gate.web.viewer import Viewer

WEEK_DAYS = 7
YEARS_SHOWN = (2000, 2199)

pages = Pages()


class CalendarQuery(BaseModel, extra="forbid"):
    """The parameters in the address of the page."""

    view: Literal["week", "month"] = "month"
    at: Annotated[date | None, Blank] = None
    service: Annotated[Name | None, Blank] = None
    environment: Annotated[Name | None, Blank] = None

    def address(self, **other: Any) -> str:
        """Return the address of the page with some parameters replaced."""
        given = {**self.model_dump(mode="json"), **other}
        pairs = {name: str(value) for name, value in given.items() if value not in {None, ""}}
        return f"/calendar?{urlencode(pairs)}"


THIS_MONTH = CalendarQuery()


@pages.page("/calendar")
async def show(query: Annotated[CalendarQuery, Query()], by: Viewer, gate: GateDep) -> View:
    """Return the page of a month or a week, in the time zone of the calendar in force."""
    return await overview(gate, by, query)


async def overview(
    gate: Gate,
    by: Person,
    query: CalendarQuery = THIS_MONTH,
    refused: GateError | None = None,
) -> View:
    """Return the page, and above it why something was refused."""
    zone = (await gate.rulebooks.current()).calendar.zone
    today = gate.clock().astimezone(zone).date()
    day = query.at or today
    if not YEARS_SHOWN[0] < day.year < YEARS_SHOWN[1]:
        raise Invalid(f"The calendar knows the years {YEARS_SHOWN[0]} to {YEARS_SHOWN[1]}.")
    days = _week(day) if query.view == "week" else _month(day)
    begins, ends = midnight(days[0], zone), midnight(days[-1] + timedelta(days=1), zone)
    found = await calendar.planner(gate, begins, ends, query.service, query.environment)
    hold: HoldAnswer | None = None
    unknown: Sequence[str] = ()
    if query.service and query.environment:
        place = await look.place(gate, query.service, query.environment, by)
        hold = place.hold
        unknown = place.unknown
    declared = await freezes.not_over(gate)
    values = {
        "query": query,
        "plan": found,
        "hold": hold,
        "unknown": unknown,
        "declared": declared,
        "reasons": {one.id: one.reason for one in found.items},
        "windows": _recurring(found.items, zone),
        "days": _shown(days, found, zone),
        "day": day,
        "today": today,
        "names": [f"{one:%A}" for one in days[:WEEK_DAYS]],
        "heading": _heading(days, day, query.view),
        "before": query.address(at=_before(day, query.view)),
        "after": query.address(at=_after(day, query.view)),
        "now": gate.clock(),
        "refused": refused.detail if refused else "",
    }
    return View(
        "calendar.html",
        {**vars(found), "hold": hold, "unknown": unknown, "declared": declared},
        values,
        refused=refused,
    )


def _month(day: date) -> list[date]:
    """Return the days of the whole weeks that contain the month, from a Monday to a Sunday."""
    weeks = months.Calendar().monthdatescalendar(day.year, day.month)
    return [one for week in weeks for one in week]


def _week(day: date) -> list[date]:
    """Return the seven days of the week of this day, Monday first."""
    monday = day - timedelta(days=day.weekday())
    return [monday + timedelta(days=number) for number in range(WEEK_DAYS)]


def _heading(days: Sequence[date], day: date, view: str) -> str:
    """Return the heading of the shown days."""
    if view == "week":
        return f"{days[0]:%-d %b} to {days[-1]:%-d %b %Y}"
    return f"{day:%B %Y}"


def _before(day: date, view: str) -> date:
    """Return a day of the week or month before this one."""
    if view == "week":
        return day - timedelta(days=WEEK_DAYS)
    return day.replace(day=1) - timedelta(days=1)


def _after(day: date, view: str) -> date:
    """Return a day of the week or month after this one.

    No month has 32 days, so 32 days after its first day are always in the next month.
    """
    if view == "week":
        return day + timedelta(days=WEEK_DAYS)
    first = day.replace(day=1) + timedelta(days=32)
    return first.replace(day=1)


def _shown(days: Sequence[date], found: PlannerAnswer, zone: tzinfo) -> list[dict[str, Any]]:
    """Return the content of each day: pieces of bars, planned changes and deployments."""
    lanes = [
        of_day
        for first in range(0, len(days), WEEK_DAYS)
        for of_day in of_week(days[first : first + WEEK_DAYS], found.items, zone)
    ]
    deployed = {one.day: one for one in found.deployed}
    return [
        {
            "day": one,
            "lanes": of_day,
            "planned": _planned_on(one, found, zone),
            "deployed": deployed.get(one),
        }
        for one, of_day in zip(days, lanes, strict=True)
    ]


def _recurring(
    windows: Sequence[WindowAnswer], zone: tzinfo
) -> list[tuple[WindowAnswer, list[str]]]:
    """Return each window once, by its first occurrence, with the days on which it begins again."""
    found: dict[str, tuple[WindowAnswer, list[str]]] = {}
    for one in windows:
        if one.id in found:
            found[one.id][1].append(f"{one.begins.astimezone(zone):%-d %b}")
        else:
            found[one.id] = (one, [])
    return list(found.values())


def _planned_on(day: date, found: PlannerAnswer, zone: tzinfo) -> list[dict[str, Any]]:
    """Return the changes that are planned for this day, with the hour if they begin on it."""
    begins, ends = midnight(day, zone), midnight(day + timedelta(days=1), zone)
    return [
        {
            "change": one,
            "hour": f"{one.begins.astimezone(zone):%H:%M}" if one.begins >= begins else "goes on",
        }
        for one in found.planned
        if one.begins < ends and one.ends > begins
    ]
