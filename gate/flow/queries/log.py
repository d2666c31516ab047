"""The log: one row a decision, as pages and as a stream of any length."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from gate.core.decision import record as records
from gate.flow.answers.view import log_row
from gate.flow.asks import LogFilters, Page, Wire
from gate.flow.caller import Caller
from gate.flow.gate import Gate
from gate.flow.lists import own_name, position_of, sealed
from gate.flow.rulebooks import Rulebooks
from gate.storage import texts
from gate.storage.changes.log import LogQuery, log_page
from gate.storage.database.cursor import Position
from gate.storage.database.pages import Part

CHUNK_ROWS = 200
"""Rows of one read of a stream; between two of them nothing is held."""


async def page(gate: Gate, filters: LogFilters, by: Caller) -> Page:
    """One page, newest first."""
    query = await _query(gate, filters)
    found = await gate.store.read_slowly(
        _rows, gate.rulebooks, query, Part(filters.part.limit, position_of(gate, filters.part.cursor, query, by))
    )
    return Page(found.rows, sealed(gate, found.next, query, by))


async def stream(gate: Gate, filters: LogFilters, by: Caller) -> AsyncIterator[Wire]:
    """Every row, newest first, in bounded memory."""
    _ = by  # every reader of the log reads all of it
    query, part = await _query(gate, filters), Part(CHUNK_ROWS)
    while True:
        found = await gate.store.read_slowly(_rows, gate.rulebooks, query, part)
        for row in found.rows:
            yield row
        if found.next is None:
            return
        part = replace(part, after=found.next)


@dataclass(frozen=True, slots=True)
class _Rows:
    rows: Sequence[Wire]
    next: Position | None


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


def _rows(conn: Connection, books: Rulebooks, query: LogQuery, part: Part) -> _Rows:
    found = log_page(conn, query, part)
    decided = [records.read(row.record) for row in found.rows]
    said = texts.read_texts(conn, [record.asked.requested_by for record in decided])
    return _Rows([log_row(record, books.policy_of(conn, record), said) for record in decided], found.next)
