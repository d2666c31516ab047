"""The log: one row a decision, as pages and as a stream of any length."""

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection

from gate.core.decision import record as records
from gate.flow.answers.decision import LogRowAnswer, log_row
from gate.flow.caller import Caller
from gate.flow.commands import Page, Part
from gate.flow.gate import Gate
from gate.flow.lists import FIRST_PAGE, by_own_name, one_page
from gate.flow.rulebooks import Rulebooks
from gate.storage import texts
from gate.storage.changes.log import LogFilters, log_page
from gate.storage.database import pages

CHUNK_ROWS = 200
"""Rows of one read of a stream; between two of them nothing is held."""


async def page(
    gate: Gate, filters: LogFilters, by: Caller, part: Part = FIRST_PAGE
) -> Page[LogRowAnswer]:
    """One page, newest first."""
    filters = await by_own_name(gate, filters)
    read = partial(_rows, gate.rulebooks, filters)
    return await one_page(gate, filters, part, by, read, slowly=True)


async def stream(
    gate: Gate, filters: LogFilters, by: Caller, part: Part = FIRST_PAGE
) -> AsyncIterator[LogRowAnswer]:
    """Every row of the time that `part` names, newest first, in bounded memory."""
    # Every reader of the log reads all of it.
    _ = by
    read = partial(_rows, gate.rulebooks, await by_own_name(gate, filters))
    chunk = pages.Part(CHUNK_ROWS, None, part.begins, part.ends)
    while True:
        found = await gate.store.read_slowly(read, chunk)
        for row in found.rows:
            yield row
        if found.next is None:
            return
        chunk = replace(chunk, after=found.next)


def _rows(
    books: Rulebooks, filters: LogFilters, conn: Connection, part: pages.Part
) -> pages.Page[LogRowAnswer]:
    found = log_page(conn, filters, part)
    decided = [records.read(row.record) for row in found.rows]
    said = texts.read_texts(conn, [record.asked.requested_by for record in decided])
    rows = tuple(log_row(record, books.policy_of(conn, record), said) for record in decided)
    return pages.Page(rows, found.next)
