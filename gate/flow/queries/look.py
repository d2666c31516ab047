"""Look something up: one change, a list of them, its decisions, what runs in a place."""

import asyncio
from datetime import datetime, timedelta

from sqlalchemy import Connection

from gate.core.calendar import freeze
from gate.core.calendar.freeze import AdHoc
from gate.core.change import State
from gate.core.decision import record as records
from gate.core.history import Standing
from gate.flow.answers import wire
from gate.flow.answers.view import decision_view
from gate.flow.asks import ChangeFilters, Page, Wire
from gate.flow.caller import Caller, ChangeHolder
from gate.flow.changes.known import Known, know, know_stored, visible_change
from gate.flow.gate import Gate
from gate.flow.lists import own_name, position_of, sealed
from gate.flow.rulebooks import Rulebooks
from gate.flow.scope import bound_services, require_service
from gate.storage import texts
from gate.storage.changes import change_list
from gate.storage.changes import decisions as decision_table
from gate.storage.changes.change_list import ChangeQuery
from gate.storage.changes.history import Ask, standing
from gate.storage.database.cursor import Position
from gate.storage.database.pages import Part
from gate.storage.policies import freezes

LOOK_AGAIN_SECONDS = 5.0
"""A waiting caller's change is read at least so often, should a word of its move be lost."""


async def change(gate: Gate, change_id: str, by: Caller, wait_seconds: int) -> Wire:
    """One change; with `wait_seconds` (to 60) as soon as it is no longer pending. Raises `NotFound`."""
    known = await visible_change(gate, change_id, by)
    if wait_seconds > 0 and known.stored.state_at(gate.clock()) is State.PENDING:
        known = await _settled(gate, known, wait_seconds)
    return known.view(gate.clock(), gate.base_url)


async def changes(gate: Gate, filters: ChangeFilters, by: Caller) -> Page:
    """A page of changes, newest first; a pipeline sees those of its services, and the token of one change sees that one."""
    if isinstance(by, ChangeHolder):
        return Page([await change(gate, by.change, by, 0)])
    query = ChangeQuery(
        state=filters.state,
        service=filters.service,
        environment=await own_name(gate, filters.environment),
        type=filters.type,
        band=filters.band,
        outcome=filters.outcome,
        words=filters.words,
        begins=filters.part.begins,
        ends=filters.part.ends,
        services=bound_services(by),
    )
    now = gate.clock()
    part = Part(filters.part.limit, position_of(gate, filters.part.cursor, query, by))
    found, following = await gate.store.read(_page, gate.rulebooks, query, part, now)
    return Page([known.view(now, gate.base_url) for known in found], sealed(gate, following, query, by))


async def decisions(gate: Gate, change_id: str, by: Caller) -> Page:
    """Every decision of a change, newest first, with all facts."""
    known = await visible_change(gate, change_id, by)
    return Page(await gate.store.read_slowly(_decisions, gate.rulebooks, known.stored.id))


async def place(gate: Gate, service: str, environment: str, by: Caller) -> Wire:
    """What runs for a service in an environment, what is in flight, and whether it is frozen."""
    require_service(by, service)
    book = await gate.rulebooks.current()
    named = book.catalogue.environment_named(environment)
    now = gate.clock()
    here, windows, said = await gate.store.read(_place, Ask(service=service, environment=named, commit="", now=now))
    scope = freeze.scope_of(book.catalogue, service, named)
    held = freeze.held(book.calendar, windows, scope, now)
    running = here.running
    return {
        "service": service,
        "environment": named,
        "running": running and {"commit": running.commit, "change": running.change, "since": wire.instant(running.since)},
        "first_deployment": here.last_admitted is None,
        "in_flight": [{"change": one.change, "state": State.DEPLOYING if one.deploying else State.APPROVED} for one in here.in_flight],
        "hold": wire.hold(held, said),
        "next_opening": wire.instant(freeze.next_opening(book.calendar, windows, scope, now)) if held else None,
    }


async def _settled(gate: Gate, known: Known, wait_seconds: int) -> Known:
    """Read again whenever the change may have moved, until it is no longer pending or the time is over."""
    change_id = known.stored.id
    loop = asyncio.get_running_loop()
    ends = loop.time() + wait_seconds
    async with gate.waiters.on(change_id) as moved:
        while True:
            moved.clear()
            latest = await gate.store.read(know, gate.rulebooks, change_id)
            known = latest or known
            now = gate.clock()
            left = ends - loop.time()
            if known.stored.state_at(now) is not State.PENDING or left <= 0 or gate.waiters.closed:
                return known
            try:
                await asyncio.wait_for(moved.wait(), min(left, LOOK_AGAIN_SECONDS, _until(known.stored.expires_at, now)))
            except TimeoutError:
                continue


def _until(expires_at: datetime | None, now: datetime) -> float:
    return LOOK_AGAIN_SECONDS if expires_at is None else max((expires_at - now) / timedelta(seconds=1), 0.0)


def _page(conn: Connection, books: Rulebooks, query: ChangeQuery, part: Part, now: datetime) -> tuple[list[Known], Position | None]:
    found = change_list.change_page(conn, query, part, now=now)
    return [know_stored(conn, books, stored) for stored in found.rows], found.next


def _decisions(conn: Connection, books: Rulebooks, change_id: str) -> list[Wire]:
    found = [records.read(stored.record) for stored in decision_table.of_change(conn, change_id)]
    wanted = [one for record in found for one in (record.asked.title, record.asked.requested_by, *record.asked.authors)]
    wanted += [record.decision.hold.reason for record in found if record.decision.hold is not None]
    said = texts.read_texts(conn, wanted)
    return [decision_view(record, books.policy_of(conn, record), said) for record in found]


def _place(conn: Connection, ask: Ask) -> tuple[Standing, tuple[AdHoc, ...], dict[str, str]]:
    windows, said = windows_to_come(conn, ask.now)
    return standing(conn, ask), windows, said


def windows_to_come(conn: Connection, at: datetime) -> tuple[tuple[AdHoc, ...], dict[str, str]]:
    """Windows that people made and that are not over, with their reasons."""
    windows = freezes.open_at(conn, at)
    return windows, texts.read_texts(conn, [window.reason for window in windows])
