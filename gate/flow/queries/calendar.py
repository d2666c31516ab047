"""The change schedule: when places are frozen, and when they open again."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import compress
from typing import NamedTuple

from sqlalchemy import Connection

from gate.core.calendar import freeze
from gate.core.calendar.calendar import AHEAD_MAX, OCCURRENCES_MAX
from gate.core.calendar.freeze import Window
from gate.core.change import State
from gate.core.days import Days, date_of, day_of_date
from gate.core.decision.places import unknown_names
from gate.errors import NotFound
from gate.flow.answers.calendar import (
    DeployedDay,
    PlannedAnswer,
    PlannerAnswer,
    ReachedWindow,
    ScheduleAnswer,
    WindowAnswer,
)
from gate.flow.answers.parts import utc
from gate.flow.caller import Caller
from gate.flow.gate import Gate
from gate.flow.queries.look import unknown_here, windows_to_come
from gate.flow.rulebooks import Rulebook
from gate.flow.scope import require_service
from gate.storage import texts
from gate.storage.changes import planned
from gate.storage.changes.planned import Planned
from gate.storage.figures import places

_MOMENT = timedelta(microseconds=1)
SCHEDULE_DAYS = 28
"""How many days a schedule looks ahead if the caller names no end."""


async def schedule(
    gate: Gate,
    begins: datetime | None,
    ends: datetime | None,
    service: str | None,
    environment: str | None,
) -> ScheduleAnswer:
    """Return the windows that overlap the time, earliest first.

    If service and environment are both given, only windows of that place are listed, and the answer
    says when the place opens next.
    """
    now = gate.clock()
    begins = begins or now
    ends = ends or begins + timedelta(days=SCHEDULE_DAYS)
    return (await _shown(gate, begins, ends, service, environment, now)).schedule


class _Shown(NamedTuple):
    """A schedule, and from what it was made. `environment` is the own name of the one that was
    asked for.
    """

    schedule: ScheduleAnswer
    environment: str | None
    windows: Sequence[Window]
    said: Mapping[str, str]


async def _shown(
    gate: Gate,
    begins: datetime,
    ends: datetime,
    service: str | None,
    environment: str | None,
    now: datetime,
) -> _Shown:
    book = await gate.rulebooks.current()
    declared, said = await gate.store.read(windows_to_come, min(begins, now))
    named = environment and book.catalogue.environment_named(environment)
    scope = freeze.scope_of(book.catalogue, service, named) if service and named else None
    windows = freeze.schedule(book.calendar, declared, begins, ends, scope)
    opening = freeze.next_opening(book.calendar, declared, scope, now) if scope else None
    answer = ScheduleAnswer(
        items=tuple(_window(window, said) for window in windows),
        more=len(windows) >= OCCURRENCES_MAX or ends - begins > AHEAD_MAX,
        unknown=unknown_names(book.catalogue, service, named),
        next_opening=utc(opening),
    )
    return _Shown(answer, named, windows, said)


async def place_schedule(gate: Gate, service: str, environment: str, by: Caller) -> ScheduleAnswer:
    """Return the windows that are open in one place or will open there soon, without those that
    ended.

    Raises `NotAllowed` for a service that is not the caller's, and `NotFound` for a place that the
    catalogue lacks: a controller would read an empty list for a misspelt name as an open place.
    """
    require_service(by, service)
    book = await gate.rulebooks.current()
    unknown = unknown_here(book, service, book.catalogue.environment_named(environment))
    if unknown:
        raise NotFound("; ".join(unknown))
    return await schedule(gate, None, None, service, environment)


def _window(window: Window, said: Mapping[str, str]) -> WindowAnswer:
    return WindowAnswer(
        id=window.id,
        reason=said.get(window.reason, window.reason),
        stop=window.stop,
        begins=window.begins.astimezone(UTC),
        ends=utc(window.ends),
        services=tuple(sorted(window.reach.services)),
        environments=tuple(sorted(window.reach.environments)),
    )


async def planner(
    gate: Gate,
    begins: datetime,
    ends: datetime,
    service: str | None,
    environment: str | None,
) -> PlannerAnswer:
    """Return the schedule as people read it: windows with their whole reach, changes that name a
    time, and which windows and changes each of them collides with.
    """
    now = gate.clock()
    shown = await _shown(gate, begins, ends, service, environment, now)
    named, windows = shown.environment, shown.windows
    book = gate.rulebooks.latest
    waiting = await gate.store.read(_waiting, begins, ends, service, named)
    some = waiting[: planned.PLANNED_MAX]
    counted = (named,) if named else book.catalogue.production
    is_open = [one.begins <= now and (one.ends is None or one.ends > now) for one in windows]
    reached = tuple(_reached(one, shown.said) for one in windows)
    return PlannerAnswer(
        **{**vars(shown.schedule), "items": reached},
        open=tuple(compress(reached, is_open)),
        planned=tuple(_planned(one, windows, book, some) for one in some),
        more_planned=len(waiting) > len(some),
        deployed=await _deployed(gate, begins, ends, service, counted),
        counted=counted,
        time_zone=str(book.calendar.zone),
        services=tuple(sorted(book.catalogue.services)),
        environments=tuple(sorted(book.catalogue.environments)),
        begins=begins,
        ends=ends,
        at=now,
    )


def _waiting(
    conn: Connection, begins: datetime, ends: datetime, service: str | None, environment: str | None
) -> list[Planned]:
    """Return planned changes with their titles as people wrote them."""
    found = planned.planned_between(conn, begins, ends, service, environment)
    said = texts.read_texts(conn, [one.title for one in found])
    return [one._replace(title=said.get(one.title, "")) for one in found]


async def _deployed(
    gate: Gate, begins: datetime, ends: datetime, service: str | None, counted: Collection[str]
) -> tuple[DeployedDay, ...]:
    """Return how the deployments of each day ended.

    The days are dates in the calendar's zone, but the deployments counted for each are those of the
    same date in UTC.
    """
    zone = gate.rulebooks.latest.calendar.zone
    first, last = (day_of_date(at.astimezone(zone).date()) for at in (begins, ends - _MOMENT))
    days = Days(first, last + 1)
    ended = await gate.store.read_slowly(places.by_day, counted, service, days)
    return tuple(DeployedDay(date_of(day), *one) for day, one in sorted(ended.items()))


def _reached(window: Window, said: Mapping[str, str]) -> ReachedWindow:
    return ReachedWindow(
        **vars(_window(window, said)),
        reach=window.reach.tree(),
        override_by=window.override_by,
    )


def _planned(
    one: Planned,
    windows: Iterable[Window],
    book: Rulebook,
    others: Iterable[Planned],
) -> PlannedAnswer:
    scope = freeze.scope_of(book.catalogue, one.service, one.environment)
    frozen = [
        window.id
        for window in windows
        if freeze.covers(window.reach, scope)
        and window.begins < one.ends
        and (window.ends is None or window.ends > one.begins)
    ]
    same = [
        other.id
        for other in others
        if other.id != one.id
        and (other.service, other.environment) == (one.service, one.environment)
        and other.begins < one.ends
        and one.begins < other.ends
    ]
    return PlannedAnswer(
        change=one.id,
        title=one.title,
        service=one.service,
        environment=one.environment,
        state=State(one.state),
        begins=one.begins,
        ends=one.ends,
        frozen_by=tuple(frozen),
        in_the_way=tuple(same),
    )
