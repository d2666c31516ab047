"""The log: one row a decision, as pages and as a stream of any length."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from gate.core.catalogue.catalogue import Catalogue
from gate.core.decision import record as records
from gate.flow.answers.decision import Ended, LogRowAnswer, log_row
from gate.flow.caller import Caller
from gate.flow.commands import Page, Part
from gate.flow.gate import Gate
from gate.flow.identity.labels import labels
from gate.flow.lists import FIRST_PAGE, by_own_name, one_page
from gate.flow.rulebooks import Rulebooks
from gate.storage import texts
from gate.storage.changes import waiting
from gate.storage.changes.log import LogFilters, log_page
from gate.storage.database import pages

CHUNK_ROWS = 200
"""Rows of one read of a stream; between two of them nothing is held."""


async def page(
    gate: Gate, filters: LogFilters, by: Caller, part: Part = FIRST_PAGE
) -> Page[LogRowAnswer]:
    """One page, newest first."""
    filters = await by_own_name(gate, filters)
    read = partial(_rows, gate.rulebooks, filters, gate.clock())
    return await one_page(gate, filters, part, by, read, slowly=True)


async def stream(
    gate: Gate, filters: LogFilters, by: Caller, part: Part = FIRST_PAGE
) -> AsyncIterator[LogRowAnswer]:
    """Every row of the time that `part` names, newest first, in bounded memory."""
    # Every reader of the log reads all of it.
    _ = by
    filters = await by_own_name(gate, filters)
    read = partial(_rows, gate.rulebooks, filters, gate.clock())
    chunk = pages.Part(CHUNK_ROWS, None, part.begins, part.ends)
    while True:
        found = await gate.store.read_slowly(read, chunk)
        for row in found.rows:
            yield row
        if found.next is None:
            return
        chunk = replace(chunk, after=found.next)


def _rows(
    books: Rulebooks, filters: LogFilters, now: datetime, conn: Connection, part: pages.Part
) -> pages.Page[LogRowAnswer]:
    found = log_page(conn, filters, part)
    decided = [records.read(row.record) for row in found.rows]
    wanted = [text for one in decided for text in (one.asked.requested_by, one.asked.title)]
    wanted += [reason for one in decided for reason in one.decision.hold_reasons]
    said = texts.read_texts(conn, [text for text in wanted if text])
    approvers = _approvers(conn, books.latest.catalogue, [row.change for row in found.rows])
    rows = tuple(
        log_row(
            record,
            books.policy_of(conn, record),
            said,
            Ended(row.state_at(now), row.result, approvers.get(row.change, ())),
        )
        for row, record in zip(found.rows, decided, strict=True)
    )
    return pages.Page(rows, found.next)


def _approvers(
    conn: Connection, catalogue: Catalogue, changes: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """The names of those whose approval of a change stands, in the order in which they gave it."""
    given = waiting.approvals_of(conn, list(dict.fromkeys(changes)))
    counting = {
        change: [
            one.person
            for one in sorted(said, key=lambda one: one.at)
            if not one.rejected and one.lapsed_at is None
        ]
        for change, said in given.items()
    }
    people = [person for named in counting.values() for person in named]
    names = labels(conn, catalogue, people) if people else {}
    return {change: tuple(names[person] for person in named) for change, named in counting.items()}
