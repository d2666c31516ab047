"""Entries of the ledger, in the transaction of what they tell of; whoever subscribed to their kind is told."""

from sqlalchemy import Connection, select

from gate.ledger.format import ENTRY_BYTES_MAX
from gate.storage.database.bulk import Bulk
from gate.storage.database.rows import EntryRow
from gate.storage.database.tx import Tx
from gate.storage.messages.outbox import announce
from gate.storage.tables import schema

_BULK = Bulk(schema.ledger_entries, EntryRow._fields)


def append_entry(tx: Tx, kind: str, at: int, change_id: str | None, body: bytes) -> None:
    """Add one entry; the sealer gives it its place."""
    append_entries(tx, [EntryRow(at, kind, change_id, body)])


def append_entries(tx: Tx, rows: list[EntryRow]) -> None:
    """Add entries. One over the limit is a fault of the gate itself: nothing a caller sends may reach it."""
    for row in rows:
        if len(row.body) > ENTRY_BYTES_MAX:
            raise ValueError(f"an entry of kind {row.kind} has {len(row.body)} bytes, at most {ENTRY_BYTES_MAX} are allowed")
    _BULK.insert(tx, rows)
    if tx.subscribers:
        announce(tx, rows)


def of_change(conn: Connection, change_id: str, limit: int) -> list[bytes]:
    """The newest entries about a change, oldest first."""
    entries = schema.ledger_entries
    newest = select(entries.c.body).where(entries.c.change_id == change_id).order_by(entries.c.id.desc()).limit(limit)
    return [bytes(body) for body in reversed(conn.execute(newest).scalars().all())]
