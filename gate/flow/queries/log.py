"""The log: one row a decision, as pages and as a stream of any length."""

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection

from gate.core.decision import record as records
from gate.flow.answers.decision import LogRowAnswer, log_row
from gate.flow.asks import LogFilters, Page
from gate.flow.caller import Caller
from gate.flow.gate import Gate
from gate.flow.lists import one_page, own_name
from gate.flow.rulebooks import Rulebooks
from gate.storage import texts
from gate.storage.changes.log import LogQuery, log_page
from gate.storage.database import pages

CHUNK_ROWS = 200
"""Rows of one read of a stream; between two of them nothing is held."""


async def page(gate: Gate, filters: LogFilters, by: Caller) -> Page[LogRowAnswer]:
    """One page, newest first."""
    query = await _query(gate, filters)
    return await one_page(
        gate, query, filters.part, by, partial(_rows, gate.rulebooks), slowly=True
    )


async def stream(gate: Gate, filters: LogFilters, by: Caller) -> AsyncIterator[LogRowAnswer]:
    """Every row, newest first, in bounded memory."""
    # Every reader of the log reads all of it.
    _ = by
    query, part = await _query(gate, filters), pages.Part(CHUNK_ROWS)
    while True:
        found = await gate.store.read_slowly(partial(_rows, gate.rulebooks), query, part)
        for row in found.rows:
            yield row
        if found.next is None:
            return
        part = replace(part, after=found.next)


async def _query(gate: Gate, filters: LogFilters) -> LogQuery:
    return LogQuery(
        service=filters.service,
        environment=await own_name(gate, filters.environment),
        type=filters.type,
        route=filters.route,
        band=filters.band,
        outcome=filters.outcome,
        policy=filters.policy,
        revision=filters.revision,
        standard_change=filters.standard_change,
        change=filters.change,
        commit=filters.commit,
        run=filters.run,
        repository=filters.repository,
        words=filters.words,
        begins=filters.part.begins,
        ends=filters.part.ends,
    )


def _rows(
    books: Rulebooks, conn: Connection, query: LogQuery, part: pages.Part
) -> pages.Page[LogRowAnswer]:
    found = log_page(conn, query, part)
    decided = [records.read(row.record) for row in found.rows]
    said = texts.read_texts(conn, [record.asked.requested_by for record in decided])
    rows = tuple(log_row(record, books.policy_of(conn, record), said) for record in decided)
    return pages.Page(rows, found.next)
