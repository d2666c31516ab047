"""Idempotency keys: which were answered, with what, and until when that is remembered."""

from collections.abc import Sequence

from sqlalchemy import delete, select

from gate.core.instants import to_us
from gate.storage.database.bulk import Bulk
from gate.storage.database.rows import KeyRow
from gate.storage.database.tx import Tx
from gate.storage.database.upsert import insert_new
from gate.storage.tables import schema_work
from gate.storage.tables.columns import among

EXPIRED_A_TURN_MAX = 1_000
"""The most expired keys that one transaction removes."""

_BULK = Bulk(schema_work.idempotency, KeyRow._fields)
_KEYS = schema_work.idempotency.c


def insert_keys(tx: Tx, rows: Sequence[KeyRow]) -> None:
    """Remember answers; a key that is remembered already is an error."""
    _BULK.insert(tx, rows)


def remember(tx: Tx, row: KeyRow) -> bool:
    """Remember one answer. False: the key has an answer already, maybe by another process."""
    return insert_new(tx, schema_work.idempotency, row._asdict())


def delete_keys(tx: Tx, keys: Sequence[tuple[str, str]]) -> None:
    """Forget keys, so that they may be used anew."""
    if keys:
        these = among((_KEYS.caller, _KEYS.key), keys)
        tx.conn.execute(delete(schema_work.idempotency).where(these))


def delete_expired(tx: Tx) -> int:
    """Remove expired keys up to the limit, the oldest first, and return how many were removed."""
    expired = (
        select(_KEYS.caller, _KEYS.key)
        .where(_KEYS.expires_at <= to_us(tx.now))
        .order_by(_KEYS.expires_at)
        .limit(EXPIRED_A_TURN_MAX)
    )
    rows = tx.conn.execute(expired).all()
    delete_keys(tx, [(row.caller, row.key) for row in rows])
    return len(rows)
