"""Entries of the ledger by kind and time, and counts of entries."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, func, select

from gate.core.instants import to_us
from gate.ledger.format import Kind
from gate.storage.tables.schema import decisions, ledger_entries

ROWS_AT_ONCE = 2_000
_E = ledger_entries.c


class Found(NamedTuple):
    """One entry of the ledger. `place` is None while the entry is not sealed."""

    place: int | None
    fields: Mapping[str, Any]


class Tally(NamedTuple):
    """Counts of entries and decisions, and the number of indices that sealed entries
    should fill.
    """

    entries: int
    sealed: int
    indices: int
    decisions: int
    decision_entries: int
    waits_since_us: int | None


def entries_of(
    conn: Connection, kinds: Collection[Kind], begins: datetime, ends: datetime
) -> Iterator[Found]:
    """Yield entries of these kinds from one instant to before another, in the order of
    the ledger.
    """
    query = (
        select(_E.id, _E.index.label("place"), _E.body)
        .where(
            _E.kind.in_([kind.value for kind in kinds]),
            _E.at >= to_us(begins),
            _E.at < to_us(ends),
        )
        .order_by(_E.id)
        .limit(ROWS_AT_ONCE)
    )
    after = 0
    while True:
        rows = conn.execute(query.where(_E.id > after)).all()
        for row in rows:
            yield Found(row.place, orjson.loads(bytes(row.body)))
        if len(rows) < ROWS_AT_ONCE:
            return
        after = rows[-1].id


def tally(conn: Connection) -> Tally:
    """Return the counts. They are counted from the rows, so that missing rows show."""
    sealed = select(func.count(_E.index), func.max(_E.index)).where(_E.index.is_not(None))
    count, last = conn.execute(sealed).one()
    decided = select(func.count()).where(_E.kind == Kind.DECISION.value)
    waits = select(func.min(_E.at)).where(_E.index.is_(None))
    return Tally(
        entries=conn.execute(select(func.count()).select_from(ledger_entries)).scalar_one(),
        sealed=count,
        indices=0 if last is None else last + 1,
        decisions=conn.execute(select(func.count()).select_from(decisions)).scalar_one(),
        decision_entries=conn.execute(decided).scalar_one(),
        waits_since_us=conn.execute(waits).scalar(),
    )
