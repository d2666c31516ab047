"""Deliveries of other systems: written down once, worked on until it succeeds or is given up."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Update, delete, select, update

from gate.core.instants import from_us, to_us
from gate.storage.database.tx import Tx
from gate.storage.tables.schema_hooks import deliveries

CLAIMED_MAX = 20
"""Of one source at once."""

ERROR_LENGTH_MAX = 500

_D = deliveries.c


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing that another system told. `named` is what the source tells it apart by; of each there is one."""

    source: str
    named: str
    kind: str
    caller: str
    body: bytes

    @property
    def key(self) -> str:
        """Of fixed length, whatever the source calls it."""
        return hashlib.sha256(self.named.encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery to be worked on now. `attempts` counts this one."""

    source: str
    key: str
    kind: str
    caller: str
    at: datetime
    body: bytes
    attempts: int


def add(tx: Tx, told: Sequence[Delivery]) -> int:
    """How many are new; one that was told before is left as it is."""
    now = to_us(tx.now)
    statement = _INSERT_POSTGRES if tx.is_postgres else _INSERT_SQLITE
    return sum(tx.execute(statement, (one.source, one.key, now, one.kind, one.caller, one.body, now)).rowcount for one in told)


def claim(tx: Tx, *, again_at: datetime) -> list[Claimed]:
    """Some of every source that are due, oldest first: a source that works slowly keeps no other one waiting.

    Who claims one and is never heard of again gives it to the next at `again_at`.
    """
    due = (_D.next_at.is_not(None), _D.next_at <= to_us(tx.now))
    found: list[Claimed] = []
    for source in tx.conn.scalars(select(_D.source).where(*due).distinct().order_by(_D.source)).all():
        query = select(deliveries).where(*due, _D.source == source).order_by(_D.next_at, _D.at, _D.key).limit(CLAIMED_MAX)
        # SQLite has one writer anyway and leaves the lock out
        for row in tx.conn.execute(query.with_for_update(skip_locked=True)).all():
            tx.conn.execute(_at(row.source, row.key).values(next_at=to_us(again_at), attempts=row.attempts + 1))
            found.append(Claimed(row.source, row.key, row.kind, row.caller, from_us(row.at), bytes(row.body), row.attempts + 1))
    return found


def done(tx: Tx, source: str, key: str) -> None:
    """Worked on: what people wrote in it is kept nowhere else than where the work put it."""
    tx.conn.execute(_at(source, key).values(next_at=None, body=b"", error=None))


def again(tx: Tx, source: str, key: str, *, at: datetime, error: str) -> None:
    """Try again from then on."""
    tx.conn.execute(_at(source, key).values(next_at=to_us(at), error=error[:ERROR_LENGTH_MAX]))


def give_up(tx: Tx, source: str, key: str, *, error: str) -> None:
    """Never again; the row says why."""
    tx.conn.execute(_at(source, key).values(next_at=None, body=b"", error=error[:ERROR_LENGTH_MAX]))


def forget(tx: Tx, *, older_than: timedelta) -> int:
    """Those that were worked on so long ago that nobody sends them again."""
    before = to_us(tx.now - older_than)
    return tx.conn.execute(delete(deliveries).where(_D.at < before, _D.next_at.is_(None))).rowcount


_INSERT = """
INSERT INTO deliveries (source, key, at, kind, caller, body, next_at) VALUES ({v}, {v}, {v}, {v}, {v}, {v}, {v}) ON CONFLICT DO NOTHING
"""
_INSERT_SQLITE = _INSERT.format(v="?")
_INSERT_POSTGRES = _INSERT.format(v="%s")


def _at(source: str, key: str) -> Update:
    return update(deliveries).where(_D.source == source, _D.key == key)
