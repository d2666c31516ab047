"""Pages by key, newest first: each page goes on where the last one ended, whatever was added
meanwhile.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, literal, tuple_

from gate.core.instants import to_us
from gate.storage.database.cursor import Position
from gate.storage.tables.columns import as_stored

PAGE_ROWS_MAX = 500
"""Enough for a page of any list, and for a chunk of a stream."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows. `next` is the position after them, None when there were no more."""

    rows: tuple[T, ...]
    next: Position | None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a list: at most `limit` rows after a position, of the time between two instants.

    `begins` is inside, `ends` is outside, and None is no limit.
    """

    limit: int
    after: Position | None = None
    begins: datetime | None = None
    ends: datetime | None = None


def page(
    conn: Connection,
    branches: Iterable[Select[Any]],
    keys: tuple[ColumnElement[Any], ...],
    part: Part,
    read: Callable[[Row[Any]], T],
    at: ColumnElement[Any] | None = None,
) -> Page[T]:
    """Return the newest rows of all branches together, within the time of the part.

    No row may be in two branches. The time is that of `at`, which is the first of the keys if a
    list is ordered by it. Each branch is read in the order of an index and ends at the limit, which
    one query with OR would not.
    """
    if not 1 <= part.limit <= PAGE_ROWS_MAX:
        raise ValueError(f"a page has 1 to {PAGE_ROWS_MAX} rows, not {part.limit}")
    names = tuple(key.key or "" for key in keys)

    def position(row: Row[Any]) -> tuple[Any, ...]:
        return tuple(_kept(row._mapping[name]) for name in names)  # noqa: SLF001 - the documented way to a column by its name

    within = _within(keys[0] if at is None else at, part)
    found = [conn.execute(_newest(one.where(*within), keys, part)).all() for one in branches]
    newest = list(islice(merge(*found, key=position, reverse=True), part.limit + 1))
    rows = newest[: part.limit]
    more = len(newest) > part.limit
    return Page(tuple(map(read, rows)), position(rows[-1]) if more else None)


def _kept(value: object) -> Any:
    return to_us(value) if isinstance(value, datetime) else value


def _within(at: ColumnElement[Any], part: Part) -> list[ColumnElement[bool]]:
    bounds = [] if part.begins is None else [at >= part.begins]
    return bounds if part.ends is None else [*bounds, at < part.ends]


def _newest(query: Select[Any], keys: tuple[ColumnElement[Any], ...], part: Part) -> Select[Any]:
    if part.after is not None:
        # A position contains values as the database stores them.
        plain = [as_stored(key) for key in keys]
        # The first comparison follows from the second, but lets SQLite begin in the middle of the
        # index.
        query = query.where(and_(plain[0] <= part.after[0], tuple_(*plain) < tuple_(*part.after)))
    # The limit is written into the text, because PostgreSQL keeps one plan for all values, and
    # would plan for a tenth of the table.
    return query.order_by(*(key.desc() for key in keys)).limit(
        literal(part.limit + 1, literal_execute=True)
    )
