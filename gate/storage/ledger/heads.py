"""The head of the sealed ledger, and the heads that were signed.

One row is the head; whoever changes it locks it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from gate.core.instants import optional_instant
from gate.storage.database.tx import Tx
from gate.storage.tables.schema import ledger_entries
from gate.storage.tables.schema_ledger import checkpoints, ledger_head

_H, _E = ledger_head.c, ledger_entries.c
_HEAD = select(_H.size, _H.root, _H.epoch, _H.key)


@dataclass(frozen=True, slots=True)
class Head:
    """The head of the ledger: how many entries are sealed, and the root of their tree.

    `key` verifies what is signed; it is None before the first key.
    """

    size: int
    root: bytes
    epoch: int
    key: str | None


@dataclass(frozen=True, slots=True)
class LedgerState:
    """The state of the ledger, read from one snapshot: what is sealed, since when an entry waits
    for that, and the newest signed head.
    """

    head: Head
    waits_since: datetime | None
    note: bytes | None
    signed: int


def head(conn: Connection) -> Head:
    """Return the head as it is committed."""
    return _head(conn.execute(_HEAD).one())


def state(conn: Connection) -> LedgerState:
    """Return the state of the ledger."""
    found = head(conn)
    oldest = select(_E.at).where(_E.index.is_(None)).order_by(_E.id).limit(1)
    waits_since = optional_instant(conn.execute(oldest).scalar())
    newest = newest_checkpoint(conn)
    return LedgerState(
        found, waits_since, newest[1] if newest else None, newest[0] if newest else 0
    )


def newest_checkpoint(conn: Connection) -> tuple[int, bytes] | None:
    """Return size and note of the newest signed head, or None before the first."""
    newest = (
        select(checkpoints.c.size, checkpoints.c.note).order_by(checkpoints.c.size.desc()).limit(1)
    )
    row = conn.execute(newest).first()
    return None if row is None else (row.size, row.note)


def lock_head(tx: Tx) -> Head | None:
    """Lock the head until this transaction ends, and return it; None if another process has it.

    Nobody waits for the lock, because a process that was stopped while it held it must not keep the
    others from writing.
    """
    # SQLite has one writer, and ignores the lock.
    row = tx.conn.execute(_HEAD.with_for_update(skip_locked=True)).first()
    return None if row is None else _head(row)


def set_head(tx: Tx, **values: Any) -> None:
    """Change the head, which this transaction has locked."""
    tx.conn.execute(update(ledger_head).values(values))


def add_checkpoint(tx: Tx, signed: Head, note: bytes) -> bool:
    """Keep a signed head.

    False: another epoch or key is in force by now, or this size was signed already.
    """
    now = lock_head(tx)
    if now is None or (now.epoch, now.key) != (signed.epoch, signed.key):
        return False
    newest = newest_checkpoint(tx.conn)
    if newest is not None and newest[0] >= signed.size:
        return False
    row = {"size": signed.size, "epoch": signed.epoch, "at": tx.now, "note": note}
    tx.conn.execute(checkpoints.insert().values(row))
    return True


def _head(row: Row[int, bytes, int, str | None]) -> Head:
    size, root, epoch, key = row
    return Head(size, bytes(root), epoch, key)
