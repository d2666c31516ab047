"""Sign-ins that came back from the identity provider. Each may be used once, on any replica."""

import hashlib
from datetime import datetime

from sqlalchemy import delete, select

from gate.storage.database.tx import Tx
from gate.storage.database.upsert import insert_new
from gate.storage.tables.schema_people import sign_ins

EXPIRED_A_TURN_MAX = 1_000
"""The most rows that one transaction deletes."""


def use(tx: Tx, state: str, until: datetime) -> bool:
    """Store that this state was used. Returns False if it was used before.

    The row is kept `until` the state is too old to be accepted anyway.
    """
    row = {"state_sha256": hashlib.sha256(state.encode()).hexdigest(), "expires_at": until}
    return insert_new(tx, sign_ins, row)


def delete_expired(tx: Tx) -> int:
    """Delete rows that are too old to matter, up to the limit, and return how many."""
    over = (
        select(sign_ins.c.state_sha256)
        .where(sign_ins.c.expires_at <= tx.now)
        .limit(EXPIRED_A_TURN_MAX)
    )
    return tx.conn.execute(delete(sign_ins).where(sign_ins.c.state_sha256.in_(over))).rowcount
