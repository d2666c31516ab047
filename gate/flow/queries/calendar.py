"""The change schedule: when something is frozen, and when it is open again."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import compress

from gate.core.calendar import freeze
from gate.core.calendar.calendar import AHEAD_MAX, OCCURRENCES_MAX
from gate.core.calendar.freeze import Window
from gate.core.change import State
from gate.core.decision.places import unknown_names
from gate.errors import NotFound
from gate.flow.answers.calendar import (
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
from gate.storage.changes import planned
from gate.storage.changes.planned import Planned

SCHEDULE_DAYS = 28
"""How far a schedule looks ahead when nobody says."""


async def schedule(
    gate: Gate,
    begins: datetime | None,
    ends: datetime | None,
    service: str | None,
    environment: str | None,
) -> ScheduleAnswer:
    """Windows that touch the time, earliest first; of a place where both are named, with its next
    opening.
    """
    book = await gate.rulebooks.current()
    now = gate.clock()
    begins = begins or now
    ends = ends or begins + timedelta(days=SCHEDULE_DAYS)
    windows, said = await gate.store.read(windows_to_come, min(begins, now))
    named = environment and book.catalogue.environment_named(environment)
    scope = freeze.scope_of(book.catalogue, service, named) if service and named else None
    found = freeze.schedule(book.calendar, windows, begins, ends, scope)
    opening = freeze.next_opening(book.calendar, windows, scope, now) if scope else None
    return ScheduleAnswer(
        items=tuple(_window(window, said) for window in found),
        more=len(found) >= OCCURRENCES_MAX or ends - begins > AHEAD_MAX,
        unknown=unknown_names(book.catalogue, service, named),
        next_opening=utc(opening),
    )


async def place_schedule(gate: Gate, service: str, environment: str, by: Caller) -> ScheduleAnswer:
    """The windows that are open in one place or open there soon; what has ended is not in it.

    Raises `NotAllowed` for a service that is not the caller's, and `NotFound` for a place that the
    catalogue lacks: a list without windows would open whatever was meant by a misspelt name.
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
    """The schedule for people: windows with their whole reach, changes that name a time, and who is
    in whose way.
    """
    found = await schedule(gate, begins, ends, service, environment)
    book = gate.rulebooks.latest
    windows, said = await gate.store.read(windows_to_come, min(begins, gate.clock()))
    named = environment and book.catalogue.environment_named(environment)
    scope = freeze.scope_of(book.catalogue, service, named) if service and named else None
    shown = freeze.schedule(book.calendar, windows, begins, ends, scope)
    now = gate.clock()
    waiting = await gate.store.read(planned.planned_between, begins, ends, service, named)
    some = waiting[: planned.PLANNED_MAX]
    is_open = [one.begins <= now and (one.ends is None or one.ends > now) for one in shown]
    reached = tuple(_reached(one, said) for one in shown)
    return PlannerAnswer(
        **{**vars(found), "items": reached},
        open=tuple(compress(reached, is_open)),
        planned=tuple(_planned(one, shown, book, some) for one in some),
        more_planned=len(waiting) > len(some),
        time_zone=str(book.calendar.zone),
        services=tuple(sorted(book.catalogue.services)),
        environments=tuple(sorted(book.catalogue.environments)),
        begins=begins,
        ends=ends,
        at=now,
    )


def _reached(window: Window, said: Mapping[str, str]) -> ReachedWindow:
    return ReachedWindow(
        **vars(_window(window, said)),
        reach=window.reach.tree(),
        override_by=window.override_by,
    )


def _planned(
    one: Planned, windows: Iterable[Window], book: Rulebook, others: Iterable[Planned]
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
        service=one.service,
        environment=one.environment,
        state=State(one.state),
        begins=one.begins,
        ends=one.ends,
        frozen_by=tuple(frozen),
        in_the_way=tuple(same),
    )
