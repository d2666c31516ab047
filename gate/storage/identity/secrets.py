"""Random secrets that all replicas share. The first process that needs one makes it."""

import secrets

from sqlalchemy import select

from gate.storage.database.tx import Tx
from gate.storage.database.upsert import insert_new
from gate.storage.tables import schema_work

SECRET_BYTES = 32


def secret(tx: Tx, name: str) -> bytes:
    """Return the secret of that name, which is made if there is none."""
    insert_new(tx, schema_work.secrets, {"name": name, "value": secrets.token_bytes(SECRET_BYTES)})
    value: bytes = tx.conn.execute(
        select(schema_work.secrets.c.value).where(schema_work.secrets.c.name == name)
    ).scalar_one()
    return value
