"""Reads of the current state: one change, a list of changes, decisions, and what runs
in a place.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from gate.core.calendar import freeze
from gate.core.calendar.freeze import Window
from gate.core.change import State
from gate.core.decision import record as records
from gate.core.decision.places import unknown_names
from gate.core.decision.record import Record
from gate.core.history import TrackRecord
from gate.errors import NotFound
from gate.flow.answers.change import ChangeAnswer
from gate.flow.answers.decision import DecisionAnswer, decision_answer
from gate.flow.answers.parts import hold_answer, utc
from gate.flow.answers.place import InFlightAnswer, PlaceAnswer, SaidAnswer
from gate.flow.caller import Caller, ChangeHolder
from gate.flow.changes.known import Known, know_all, know_existing, visible_change
from gate.flow.commands import Page, Part
from gate.flow.gate import Gate
from gate.flow.lists import FIRST_PAGE, Whole, by_own_name, one_page
from gate.flow.rulebooks import Rulebook, Rulebooks
from gate.flow.scope import bound_services, require_service
from gate.storage import texts
from gate.storage.changes import approvals as approval_table
from gate.storage.changes import change_list
from gate.storage.changes import decisions as decision_table
from gate.storage.changes.change_list import ChangeFilters
from gate.storage.changes.history import PlaceQuery, track_record
from gate.storage.database import pages
from gate.storage.policies import freezes

LOOK_AGAIN_SECONDS = 5.0
"""The longest time between two reads of a change for which a caller waits.

A lost announcement delays the answer by no more than this."""

NO_CATALOGUE = "no catalogue is in force yet, so every change waits for people; see /v1/policies"


async def change(gate: Gate, change_id: str, by: Caller, wait_seconds: int) -> ChangeAnswer:
    """Return one change. With `wait_seconds` (at most 60), wait until it is no longer pending.

    Raises `NotFound`.
    """
    known = await visible_change(gate, change_id, by)
    if wait_seconds > 0 and known.stored.state_at(gate.clock()) is State.PENDING:
        known = await _settled(gate, known, wait_seconds, by)
    return known.answer(gate.clock(), gate.base_url)


async def changes(
    gate: Gate, filters: ChangeFilters, by: Caller, part: Part = FIRST_PAGE
) -> Page[ChangeAnswer]:
    """Return a page of changes, newest first.

    A pipeline sees those of its services, and the token of one change sees that one.
    """
    if isinstance(by, ChangeHolder):
        return Page([await change(gate, by.change, by, 0)], next=None)
    wanted = replace(await by_own_name(gate, filters), services=bound_services(by))
    now, books, base_url = gate.clock(), gate.rulebooks, gate.base_url

    def read(conn: Connection, some: pages.Part) -> pages.Page[ChangeAnswer]:
        found = change_list.change_page(conn, wanted, some, now=now)
        known = know_all(conn, books, found.rows)
        return pages.Page(tuple(one.answer(now, base_url) for one in known), found.next)

    return await one_page(gate, wanted, part, by, read)


async def titles(gate: Gate, ids: Iterable[str]) -> Mapping[str, str]:
    """Return the title of each of these changes that has one, for pages on which people may see
    every change.
    """
    return await gate.store.read(change_list.titles, tuple(dict.fromkeys(ids)))


async def decisions(
    gate: Gate, change_id: str, by: Caller, part: Part = FIRST_PAGE
) -> Page[DecisionAnswer]:
    """Return a page of a change's decisions, newest first, with all facts. Raises `NotFound`."""
    known = await visible_change(gate, change_id, by)
    read = partial(_decisions, gate.rulebooks, known.stored.id)
    decided = Whole("decisions", known.stored.id)
    return await one_page(gate, decided, part, by, read, slowly=True)


async def decision(gate: Gate, change_id: str, number: int, by: Caller) -> DecisionAnswer:
    """Return one decision of a change with all facts. Raises `NotFound`."""
    known = await visible_change(gate, change_id, by)
    return await gate.store.read_slowly(_decision, gate.rulebooks, known.stored.id, number)


async def approvals(
    gate: Gate, change_id: str, by: Caller, part: Part = FIRST_PAGE
) -> Page[SaidAnswer]:
    """Return a page of approvals (lapsed ones too) and rejections of a change, newest first.

    Raises `NotFound`.
    """
    known = await visible_change(gate, change_id, by)
    said = Whole("approvals", known.stored.id)
    return await one_page(gate, said, part, by, partial(_approvals, known.stored.id))


async def place(gate: Gate, service: str, environment: str, by: Caller) -> PlaceAnswer:
    """Return what runs in a place, what is in flight there, and whether it is frozen."""
    require_service(by, service)
    book = await gate.rulebooks.current()
    named = book.catalogue.environment_named(environment)
    now = gate.clock()
    here, windows, said = await gate.store.read(
        _place, PlaceQuery(service=service, environment=named, commit="", now=now)
    )
    scope = freeze.scope_of(book.catalogue, service, named)
    held = freeze.held(book.calendar, windows, scope, now)
    opening = freeze.next_opening(book.calendar, windows, scope, now) if held else None
    return PlaceAnswer(
        service=service,
        environment=named,
        unknown=unknown_here(book, service, named),
        running=here.running,
        gate="observe" if book.catalogue.observes(service, named) else "enforce",
        first_deployment=here.last_admitted is None,
        in_flight=tuple(
            InFlightAnswer(one.change, State.DEPLOYING if one.deploying else State.APPROVED)
            for one in here.in_flight
        ),
        hold=hold_answer(held, said),
        next_opening=utc(opening),
    )


def unknown_here(book: Rulebook, service: str, environment: str) -> Sequence[str]:
    """Return why the place may not exist: names that the catalogue lacks, or that there is no
    catalogue.

    No window may cover such a place, which does not mean that it is open.
    """
    if not book.id:
        return (NO_CATALOGUE,)
    return unknown_names(book.catalogue, service, environment)


async def _settled(gate: Gate, known: Known, wait_seconds: int, by: Caller) -> Known:
    """Return the change once it is no longer pending, or as it is when the time is over.

    It is read again whenever the store announces that it may have moved.
    """
    change_id = known.stored.id
    loop = asyncio.get_running_loop()
    ends = loop.time() + wait_seconds
    async with gate.waiters.on(change_id, by.caller) as moved:
        while True:
            # Cleared before the read: a move during the read then wakes this at once.
            moved.clear()
            known = await gate.store.read(know_existing, gate.rulebooks, change_id)
            now = gate.clock()
            left = ends - loop.time()
            if known.stored.state_at(now) is not State.PENDING or left <= 0 or gate.waiters.closed:
                return known
            try:
                await asyncio.wait_for(
                    moved.wait(),
                    min(left, LOOK_AGAIN_SECONDS, _until(known.stored.expires_at, now)),
                )
            except TimeoutError:
                continue


def _until(expires_at: datetime | None, now: datetime) -> float:
    if expires_at is None:
        return LOOK_AGAIN_SECONDS
    return max((expires_at - now) / timedelta(seconds=1), 0.0)


def _decisions(
    books: Rulebooks, change_id: str, conn: Connection, part: pages.Part
) -> pages.Page[DecisionAnswer]:
    found = decision_table.decision_page(conn, change_id, part)
    decided = [records.read(one.record) for one in found.rows]
    return pages.Page(decision_answers(conn, books, decided), found.next)


def _decision(conn: Connection, books: Rulebooks, change_id: str, number: int) -> DecisionAnswer:
    record = records.read(record_of(conn, change_id, number))
    (answer,) = decision_answers(conn, books, [record])
    return answer


def record_of(conn: Connection, change_id: str, number: int) -> bytes:
    """Return the record of a decision by its number. Raises `NotFound`."""
    record = decision_table.read(conn, change_id, number)
    if record is None:
        raise NotFound(f"{change_id} has no decision {number}")
    return record


def decision_answers(
    conn: Connection, books: Rulebooks, found: Sequence[Record]
) -> tuple[DecisionAnswer, ...]:
    """Return each decision with every fact from which it was made."""
    wanted = [
        one
        for record in found
        for one in (record.asked.title, record.asked.requested_by, *record.asked.authors)
    ]
    wanted += [reason for record in found for reason in record.decision.hold_reasons]
    said = texts.read_texts(conn, wanted)
    return tuple(decision_answer(record, books.policy_of(conn, record), said) for record in found)


def _approvals(change_id: str, conn: Connection, part: pages.Part) -> pages.Page[SaidAnswer]:
    found = approval_table.approval_page(conn, change_id, part)
    said = texts.read_texts(conn, [one.comment for one in found.rows if one.comment])
    answers = tuple(
        SaidAnswer(
            person=one.person,
            decision=one.decision,
            said="rejected" if one.rejected else "approved",
            comment=said.get(one.comment),
            at=one.at,
            lapsed_at=one.lapsed_at,
        )
        for one in found.rows
    )
    return pages.Page(answers, found.next)


def _place(
    conn: Connection, query: PlaceQuery
) -> tuple[TrackRecord, tuple[Window, ...], dict[str, str]]:
    windows, said = windows_to_come(conn, query.now)
    return track_record(conn, query), windows, said


def windows_to_come(conn: Connection, at: datetime) -> tuple[tuple[Window, ...], dict[str, str]]:
    """Return the windows that people declared and that are not over, with their reasons."""
    windows = freezes.open_at(conn, at)
    return windows, texts.read_texts(conn, [window.reason for window in windows])
