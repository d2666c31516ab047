"""The log as pages and as a stream of any length: one row for each decision and, where asked for,
one for each act.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TypeAlias

from sqlalchemy import Connection

from gate.core.catalogue.catalogue import Catalogue
from gate.core.decision import record as records
from gate.flow.answers.change import ChangeIncidentAnswer
from gate.flow.answers.decision import (
    ActRowAnswer,
    Ended,
    LogRowAnswer,
    OverrideAnswer,
    log_row,
)
from gate.flow.caller import Caller
from gate.flow.commands import Page, Part
from gate.flow.gate import Gate
from gate.flow.identity.labels import labels
from gate.flow.lists import FIRST_PAGE, by_own_name, one_page
from gate.flow.queries.acts import act_rows
from gate.flow.rulebooks import Rulebooks
from gate.storage import texts
from gate.storage.changes import approvals
from gate.storage.changes.log import LogFilters, LogRow, in_force
from gate.storage.database import pages
from gate.storage.incidents import links
from gate.storage.ledger.acts import ActRow, happened

CHUNK_ROWS = 200
"""Rows of one read of a stream. No connection or transaction is held between two reads."""

RowAnswer: TypeAlias = LogRowAnswer | ActRowAnswer


@dataclass(frozen=True)
class LineAnswer:
    """One line of the log page: a change with its decisions and acts, or one act that is about no
    change.

    `at` is when the newest of its rows happened. `head` is the newest decision, and `rows` are the
    other decisions and acts, newest first.
    """

    at: datetime
    head: LogRowAnswer | None
    rows: tuple[RowAnswer, ...]


async def page(
    gate: Gate, filters: LogFilters, by: Caller, part: Part = FIRST_PAGE
) -> Page[RowAnswer]:
    """Return one page of the log, newest first."""
    filters = await by_own_name(gate, filters)
    read = partial(_rows, gate.rulebooks, filters, gate.clock())
    return await one_page(gate, filters, part, by, read, slowly=True)


async def lines(
    gate: Gate, filters: LogFilters, by: Caller, part: Part = FIRST_PAGE
) -> Page[LineAnswer]:
    """Return the rows of one `page` as lines: one for each change, and one for each act without a
    change.
    """
    found = await page(gate, filters, by, part)
    with_decision = {row.change for row in found.items if isinstance(row, LogRowAnswer)}
    others = {row.change for row in found.items if row.change} - with_decision
    rest = await gate.store.read_slowly(_in_force, gate.rulebooks, others, gate.clock())
    return Page(by_change(found.items, rest), found.next)


async def stream(
    gate: Gate, filters: LogFilters, part: Part = FIRST_PAGE
) -> AsyncIterator[RowAnswer]:
    """Yield every row of the time that `part` names, newest first, in bounded memory."""
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


def by_change(
    rows: Sequence[RowAnswer], others: Sequence[LogRowAnswer] = ()
) -> tuple[LineAnswer, ...]:
    """Return one line for each change, with its rows newest first, at the place of its newest row.

    `others` are the decisions in force of changes that have only acts among the rows. A change
    whose rows lie on two pages has a line on both.
    """
    heads = {row.change: row for row in others}
    groups: dict[object, list[RowAnswer]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(row.change or place, []).append(row)
    found: list[LineAnswer] = []
    for group in groups.values():
        decided = [row for row in group if isinstance(row, LogRowAnswer)]
        head = decided[0] if decided else heads.get(group[0].change or "")
        found.append(LineAnswer(group[0].at, head, tuple(row for row in group if row is not head)))
    return tuple(found)


def _rows(
    books: Rulebooks, filters: LogFilters, now: datetime, conn: Connection, part: pages.Part
) -> pages.Page[RowAnswer]:
    found = happened(conn, filters, part)
    decided = [row for row in found.rows if isinstance(row, LogRow)]
    acted = [row for row in found.rows if isinstance(row, ActRow)]
    decisions = iter(_decisions(conn, books, decided, now))
    acts = iter(act_rows(conn, books.latest, acted))
    rows = (next(decisions) if isinstance(row, LogRow) else next(acts) for row in found.rows)
    return pages.Page(tuple(rows), found.next)


def _in_force(
    conn: Connection, books: Rulebooks, changes: Collection[str], now: datetime
) -> list[LogRowAnswer]:
    return _decisions(conn, books, in_force(conn, changes), now)


def _decisions(
    conn: Connection, books: Rulebooks, rows: Sequence[LogRow], now: datetime
) -> list[LogRowAnswer]:
    """Return each decision as a row of the log, with what became of its change."""
    decided = [records.read(row.record) for row in rows]
    changes = list(dict.fromkeys(row.change for row in rows))
    catalogue = books.latest.catalogue
    tied = links.incidents_of_changes(conn, changes)
    lifted = approvals.overrides_of_changes(conn, changes)
    wanted = [text for one in decided for text in (one.asked.requested_by, one.asked.title)]
    wanted += [reason for one in decided for reason in one.decision.hold_reasons]
    wanted += [one.title for one in tied]
    wanted += [one.comment for given in lifted.values() for one in given]
    said = texts.read_texts(conn, [text for text in wanted if text])
    approvers = _approvers(conn, catalogue, changes)
    names = labels(conn, catalogue, {one.person for given in lifted.values() for one in given})
    return [
        log_row(
            record,
            books.policy_of(conn, record),
            said,
            Ended(
                row.state_at(now),
                row.result,
                approvers.get(row.change, ()),
                tuple(
                    OverrideAnswer(names[one.person], one.at, said.get(one.comment, ""))
                    for one in lifted[row.change]
                ),
                tuple(
                    ChangeIncidentAnswer(one.id, said.get(one.title), one.method)
                    for one in tied
                    if one.change == row.change
                ),
            ),
        )
        for row, record in zip(rows, decided, strict=True)
    ]


def _approvers(
    conn: Connection, catalogue: Catalogue, changes: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Return for each change the names of those whose approval stands, in the order of their
    approvals.
    """
    counting = {
        change: [one.person for one in said if not one.rejected and one.lapsed_at is None]
        for change, said in approvals.of_changes(conn, changes).items()
    }
    people = [person for named in counting.values() for person in named]
    names = labels(conn, catalogue, people)
    return {change: tuple(names[person] for person in named) for change, named in counting.items()}
