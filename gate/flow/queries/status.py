"""The status line of every page: whether production is open, frozen or stopped, and
what is urgent.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from gate.core.calendar import freeze
from gate.core.calendar.freeze import Window
from gate.core.catalogue.catalogue import OWNERS_OF_LAST_RESORT, Catalogue
from gate.core.decision.values import Hold
from gate.flow.answers.parts import utc
from gate.flow.answers.status import EnvironmentStatus, StatusAnswer, StoppedAnswer
from gate.flow.caller import Person
from gate.flow.gate import Gate
from gate.flow.identity.labels import callers_named
from gate.flow.policies.freezes import may_freeze
from gate.flow.queries.look import windows_to_come
from gate.flow.queries.queue import Tab, tab_of
from gate.flow.queries.waiting_list import Waiting, WaitingList
from gate.flow.rulebooks import Rulebook
from gate.storage import texts
from gate.storage.changes import post_reviews
from gate.storage.policies import freezes

ENVIRONMENTS_SHOWN = 3
"""The most environments of the tier production that are named; the calendar shows all of them."""

STOPS_SHOWN = 3
"""The most stopped lines that are named, newest first."""

AHEAD = timedelta(days=21)
"""How far ahead the next freeze is looked for, because a later one is no reason to hurry."""


class _Calendar(NamedTuple):
    """The windows that are open now or will be, with the reasons that people gave."""

    book: Rulebook
    windows: Sequence[Window]
    said: Mapping[str, str]
    ahead: Sequence[Window]
    now: datetime


async def status(gate: Gate, waiting_list: WaitingList, by: Person) -> StatusAnswer:
    """Return the status as of now, with what this person may do about it."""
    book = await gate.rulebooks.current()
    now = gate.clock()
    waiting = await waiting_list.waiting()
    windows, said, stops, overdue = await gate.store.read(_read, book.catalogue, now)
    ahead = freeze.schedule(book.calendar, windows, now, now + AHEAD)
    calendar = _Calendar(book, windows, said, ahead, now)
    names = book.catalogue.production
    shown = names[:ENVIRONMENTS_SHOWN]
    emergencies = [one for one in waiting if one.emergency]
    return StatusAnswer(
        stops=stops,
        production=[_environment(calendar, name, waiting) for name in shown],
        more_production=len(names) - len(shown),
        emergencies=len(emergencies),
        emergencies_in=_nearest(emergencies, by).value,
        reviews_overdue=overdue,
        may_freeze=may_freeze(book, by, stop=False),
        may_stop=may_freeze(book, by, stop=True),
        may_lift=OWNERS_OF_LAST_RESORT in by.groups,
        at=now,
    )


def _environment(calendar: _Calendar, name: str, waiting: Iterable[Waiting]) -> EnvironmentStatus:
    catalogue, said = calendar.book.catalogue, calendar.said
    # Without services in the catalogue, an unknown service stands for all: a window that covers
    # it covers everything.
    deployed = [key for key, one in catalogue.services.items() if one.deploys_to(name)]
    services = deployed or [""]
    holds = [_held(calendar, service, name) for service in services]
    frozen = [one for one in holds if one is not None and not one.stop]
    ends = [one.until for one in frozen if one.until is not None]
    following = next(
        (
            one
            for one in calendar.ahead
            if one.begins > calendar.now
            and _concerns(one, catalogue, _open_by(one, services, holds), name)
        ),
        None,
    )
    reason = frozen[0].reason if frozen else ""
    because = following.reason if following else ""
    return EnvironmentStatus(
        name=name,
        services=len(services),
        frozen=len(frozen),
        stopped=sum(one is not None and one.stop for one in holds),
        reason=said.get(reason, reason),
        open_at=utc(max(ends)) if ends and len(ends) == len(frozen) else None,
        freezes_at=utc(following.begins) if following else None,
        freezes_because=said.get(because, because),
        held=sum(one.held and one.environment == name for one in waiting),
        observed=sum(catalogue.observes(service, name) for service in services),
    )


def _held(calendar: _Calendar, service: str, environment: str) -> Hold | None:
    scope = freeze.scope_of(calendar.book.catalogue, service, environment)
    return freeze.held(calendar.book.calendar, calendar.windows, scope, calendar.now)


def _open_by(window: Window, services: Sequence[str], holds: Sequence[Hold | None]) -> list[str]:
    """Return the services that nothing holds when the window begins, as far as is known now: a
    window freezes only those.
    """
    return [
        service
        for service, hold in zip(services, holds, strict=True)
        if hold is None or (hold.until is not None and hold.until <= window.begins)
    ]


def _concerns(
    window: Window, catalogue: Catalogue, services: Iterable[str], environment: str
) -> bool:
    scopes = (freeze.scope_of(catalogue, service, environment) for service in services)
    return any(freeze.covers(window.reach, scope) for scope in scopes)


def _nearest(emergencies: Sequence[Waiting], by: Person) -> Tab:
    """Return the part of the queue where the viewer finds the emergencies: the viewer's own part if
    one of them needs the viewer's approval.
    """
    found = {tab_of(one, by) for one in emergencies}
    return next((tab for tab in Tab if tab in found), Tab.MINE)


def _read(
    conn: Connection, catalogue: Catalogue, now: datetime
) -> tuple[tuple[Window, ...], dict[str, str], tuple[StoppedAnswer, ...], int]:
    windows, said = windows_to_come(conn, now)
    overdue = len(post_reviews.overdue(conn, now))
    return windows, said, _stops(conn, catalogue, now), overdue


def _stops(conn: Connection, catalogue: Catalogue, now: datetime) -> tuple[StoppedAnswer, ...]:
    stopped = [one for one in freezes.not_over(conn, now) if one.stop and one.begins <= now]
    some = stopped[:STOPS_SHOWN]
    named = callers_named(conn, catalogue, [one.created_by for one in some])
    said = texts.read_texts(conn, [one.reason for one in some])
    return tuple(
        StoppedAnswer(
            id=one.id,
            by=named[one.created_by],
            since=one.begins,
            reason=said.get(one.reason, ""),
            services=one.services,
            environments=one.environments,
        )
        for one in some
    )
