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
    """So many entries are sealed, under this root.

    `key` is the verifier key of whoever signs, None before the first.
    """

    size: int
    root: bytes
    epoch: int
    key: str | None


@dataclass(frozen=True, slots=True)
class LedgerState:
    """Where the ledger is, read from one snapshot: what is sealed, since when something waits to
    be, the newest signed head.
    """

    head: Head
    waits_since: datetime | None
    note: bytes | None
    signed: int


def head(conn: Connection) -> Head:
    """The head as it is committed."""
    return _head(conn.execute(_HEAD).one())


def state(conn: Connection) -> LedgerState:
    """Everything at once."""
    found = head(conn)
    oldest = select(_E.at).where(_E.index.is_(None)).order_by(_E.id).limit(1)
    waits_since = optional_instant(conn.execute(oldest).scalar())
    newest = newest_checkpoint(conn)
    return LedgerState(
        found, waits_since, newest[1] if newest else None, newest[0] if newest else 0
    )


def newest_checkpoint(conn: Connection) -> tuple[int, bytes] | None:
    """The size and the note of the newest signed head, None before the first."""
    newest = (
        select(checkpoints.c.size, checkpoints.c.note).order_by(checkpoints.c.size.desc()).limit(1)
    )
    row = conn.execute(newest).first()
    return None if row is None else (row.size, row.note)


def lock_head(tx: Tx) -> Head | None:
    """The head, which nobody else changes until this transaction ends; None while somebody else has
    it.

    Nobody waits for the lock: a process that was stopped while it held it must not stop the others
    from writing.
    """
    # SQLite has one writer, and leaves this out.
    row = tx.conn.execute(_HEAD.with_for_update(skip_locked=True)).first()
    return None if row is None else _head(row)


def set_head(tx: Tx, **values: Any) -> None:
    """Change the head that is locked."""
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
