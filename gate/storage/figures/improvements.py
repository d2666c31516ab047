"""The items of the register of improvements, each with its figure before and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, or_, select, text, update

from gate.core.learning.improvements import Figure, Priority
from gate.storage.database.pages import Page, Part, page
from gate.storage.database.tx import Tx
from gate.storage.database.values import every, first, reader, values_of
from gate.storage.tables.schema_learning import UNREAD, improvements

OPEN_MAX = 200
"""The most items that may be open, because nobody works through a longer list."""

OPEN_OF_ONE_MAX = 50
"""The most of them that one person may have begun. No item is closed before it is due, so one
person could otherwise keep everybody from the register for a year."""

READ_AT_ONCE_MAX = 20
"""The figures of so many items that are due are read in one turn."""

_I = improvements.c
KEYS = (_I.created_at, _I.id)


@dataclass(frozen=True, slots=True)
class Improvement:
    """One item. `experiment` and `finding` are ids of texts; values are in ten-thousandths.

    `after_at` without `after_value`: the figure was read, and nothing had been counted.
    """

    id: str
    proposal: str | None
    experiment: str
    owner: str
    priority: Priority
    link: str | None
    service: str
    environment: str
    figure: Figure
    days: int
    before_value: int
    before_n: int
    due_at: datetime
    after_value: int | None
    after_n: int | None
    after_at: datetime | None
    created_at: datetime
    created_by: str
    finding: str | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None


def add(tx: Tx, item: Improvement) -> None:
    """Keep a new item."""
    tx.conn.execute(insert(improvements).values(values_of(item)))


def read(conn: Connection, improvement: str) -> Improvement | None:
    """Return the item of that id."""
    return first(conn, Improvement, select(improvements).where(_I.id == improvement))


def improvement_page(conn: Connection, part: Part) -> Page[Improvement]:
    """Return one page by (`created_at`, `id`), newest first; closed ones too."""
    return page(conn, [select(improvements)], KEYS, part, reader(Improvement))


def count_open(conn: Connection, by: str | None = None) -> int:
    """Return how many items are not closed: of everybody, or those that one person has begun."""
    query = select(func.count()).where(text("closed_at IS NULL")).select_from(improvements)
    if by is not None:
        query = query.where(_I.created_by == by)
    return int(conn.execute(query).scalar_one())


def taken(conn: Connection) -> frozenset[str]:
    """Return the proposals of which an item is open."""
    query = select(_I.proposal).where(text("closed_at IS NULL"), _I.proposal.is_not(None))
    return frozenset(conn.execute(query.limit(OPEN_MAX)).scalars())


def taken_at(conn: Connection, at: datetime) -> frozenset[str]:
    """Return the proposals of which an item was open at this instant."""
    query = select(_I.proposal).where(
        _I.proposal.is_not(None),
        _I.created_at <= at,
        or_(_I.closed_at.is_(None), _I.closed_at > at),
    )
    return frozenset(conn.execute(query).scalars())


def unread(conn: Connection, at: datetime) -> Sequence[Improvement]:
    """Return the items that are due and whose figure was not read again, the longest due first."""
    query = select(improvements).where(text(UNREAD), _I.due_at <= at)
    return every(conn, Improvement, query.order_by(_I.due_at, _I.id).limit(READ_AT_ONCE_MAX))


def keep_reading(tx: Tx, item: Improvement, value: int | None, n: int) -> bool:
    """Keep the figure of the due date. False: it was read, closed or postponed meanwhile."""
    statement = (
        update(improvements)
        .where(_I.id == item.id, text(UNREAD), _I.due_at == item.due_at)
        .values(after_value=value, after_n=n, after_at=tx.now)
    )
    return tx.conn.execute(statement).rowcount == 1


def postpone(tx: Tx, item: Improvement, due_at: datetime) -> bool:
    """Set a later due date, and forget a reading that counted nothing. False: it has a figure by
    now, or is closed.
    """
    statement = (
        update(improvements)
        .where(
            _I.id == item.id,
            _I.due_at == item.due_at,
            text("closed_at IS NULL AND after_value IS NULL"),
        )
        .values(due_at=due_at, after_n=None, after_at=None)
    )
    return tx.conn.execute(statement).rowcount == 1


def close(tx: Tx, improvement: str, finding: str, by: str) -> bool:
    """Close an item that has its figure. False: it is closed already, or has none."""
    statement = (
        update(improvements)
        .where(_I.id == improvement, text("closed_at IS NULL AND after_value IS NOT NULL"))
        .values(finding=finding, closed_at=tx.now, closed_by=by)
    )
    return tx.conn.execute(statement).rowcount == 1
