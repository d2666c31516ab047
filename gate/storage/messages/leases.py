"""Leases: which of several processes does a piece of work. Each has a name, and runs on the
database's clock.
"""

from datetime import timedelta

from sqlalchemy import delete

from gate.storage.database.tx import Tx
from gate.storage.database.upsert import upsert
from gate.storage.tables import schema_work

_LEASES = schema_work.leases
_L = schema_work.leases.c


def take(tx: Tx, name: str, holder: str, *, hold_for: timedelta) -> bool:
    """Take a lease that is free or over, or renew it; return whether the holder has it now."""
    lease = {"name": name, "holder": holder, "until": tx.now + hold_for}
    return upsert(tx, _LEASES, lease, where=(_L.holder == holder) | (_L.until <= tx.now))


def release(tx: Tx, name: str, holder: str) -> None:
    """Give a lease up, if the holder has it."""
    tx.conn.execute(delete(_LEASES).where(_L.name == name, _L.holder == holder))
