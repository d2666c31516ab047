"""Entries of the ledger: each is appended in the transaction of the act that it records.

Appending also puts a message into the outbox for every subscriber of the entry's kind.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from gate.ledger.format import ENTRY_BYTES_MAX, EntryError, Kind, read_entry
from gate.storage.database.bulk import Bulk
from gate.storage.database.rows import EntryRow
from gate.storage.database.tx import Tx
from gate.storage.messages.outbox import announce
from gate.storage.tables import schema

_BULK = Bulk(schema.ledger_entries, EntryRow._fields)
_E = schema.ledger_entries.c


def append_entries(tx: Tx, rows: list[EntryRow]) -> None:
    """Append entries; the sealer gives each its index later.

    Raises `ValueError` for an entry over the limit. That is a fault of the gate itself, because
    nothing that a caller sends may make an entry so large.
    """
    for row in rows:
        if len(row.body) > ENTRY_BYTES_MAX:
            raise ValueError(
                f"an entry of kind {row.kind} has {len(row.body)} bytes, at most "
                f"{ENTRY_BYTES_MAX} are allowed"
            )
    _BULK.insert(tx, rows)
    if tx.subscribers:
        announce(tx, rows)


def is_empty(conn: Connection) -> bool:
    """Return whether nothing was ever written, so that no earlier key can be missing."""
    return conn.execute(select(_E.id).limit(1)).first() is None


def of_change(conn: Connection, change_id: str, limit: int) -> list[bytes]:
    """Return the newest entries about a change, oldest first."""
    newest = select(_E.body).where(_E.change_id == change_id).order_by(_E.id.desc()).limit(limit)
    return [bytes(body) for body in reversed(conn.execute(newest).scalars().all())]


def newest_of(conn: Connection, change_id: str, kind: str) -> tuple[int | None, bytes] | None:
    """Return index and bytes of the newest entry of a kind about a change, or None.

    The index is None while the entry is not sealed.
    """
    newest = (
        select(_E.index, _E.body)
        .where(_E.change_id == change_id, _E.kind == kind)
        .order_by(_E.id.desc())
        .limit(1)
    )
    row = conn.execute(newest).first()
    return None if row is None else (row[0], bytes(row[1]))


def record_of_decision(conn: Connection, change_id: str, number: int) -> str | None:
    """Return the SHA-256 of the record of a decision, as its entry has it; None without one."""
    decided = (
        select(_E.body)
        .where(_E.change_id == change_id, _E.kind == Kind.DECISION.value)
        .order_by(_E.id)
    )
    for body in conn.execute(decided).scalars():
        try:
            fields = read_entry(bytes(body)).fields
        except EntryError:
            continue
        if fields.get("number") == number:
            return str(fields.get("record"))
    return None


def sealed(conn: Connection, begin: int, end: int) -> Sequence[tuple[int, bytes]]:
    """Return index and bytes of the sealed entries from one index to before another.

    An entry that is missing is left out.
    """
    some = select(_E.index, _E.body).where(_E.index >= begin, _E.index < end).order_by(_E.index)
    return [(index, bytes(body)) for index, body in conn.execute(some)]
