"""Sign-ins that came back from the identity provider.

Each comes back once, to whichever replica.
"""

import hashlib
from datetime import datetime

from sqlalchemy import delete, select

from gate.storage.database.tx import Tx
from gate.storage.database.upsert import insert_new
from gate.storage.tables.schema_people import sign_ins

EXPIRED_A_TURN_MAX = 1_000
"""How many one transaction forgets."""


def use(tx: Tx, state: str, until: datetime) -> bool:
    """From now on this state is of no use; `until` it is not taken anyway.

    False: it was used before.
    """
    row = {"state_sha256": hashlib.sha256(state.encode()).hexdigest(), "expires_at": until}
    return insert_new(tx, sign_ins, row)


def delete_expired(tx: Tx) -> int:
    """Forget some that are too old to be taken; how many it were."""
    over = (
        select(sign_ins.c.state_sha256)
        .where(sign_ins.c.expires_at <= tx.now)
        .limit(EXPIRED_A_TURN_MAX)
    )
    found = tx.conn.execute(over).scalars().all()
    if found:
        tx.conn.execute(delete(sign_ins).where(sign_ins.c.state_sha256.in_(found)))
    return len(found)
