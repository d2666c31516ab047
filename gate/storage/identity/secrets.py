"""Random bytes that every replica shares: made once, by whoever asks first."""

import secrets

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from gate.storage.database.tx import Tx
from gate.storage.tables import schema

SECRET_BYTES = 32


def secret(tx: Tx, name: str) -> bytes:
    """The secret of that name."""
    insert = postgresql.insert if tx.is_postgres else sqlite.insert
    tx.conn.execute(
        insert(schema.secrets)
        .values(name=name, value=secrets.token_bytes(SECRET_BYTES))
        .on_conflict_do_nothing()
    )
    value: bytes = tx.conn.execute(
        select(schema.secrets.c.value).where(schema.secrets.c.name == name)
    ).scalar_one()
    return value
