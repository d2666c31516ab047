"""Who of several processes does a piece of work: a lease by name, on the database's clock."""

from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite

from gate.core.instants import to_us
from gate.storage.database.tx import Tx
from gate.storage.tables import schema

_LEASES = schema.leases
_L = schema.leases.c


def take(tx: Tx, name: str, holder: str, *, hold_for: timedelta) -> bool:
    """Take a lease that is free or over, or renew one's own; whether one has it now."""
    insert = postgresql.insert if tx.is_postgres else sqlite.insert
    values = {"holder": holder, "until": to_us(tx.now + hold_for)}
    mine = insert(_LEASES).values(name=name, **values)
    mine = mine.on_conflict_do_update(
        index_elements=[_L.name],
        set_=values,
        where=(_L.holder == holder) | (_L.until <= to_us(tx.now)),
    )
    return tx.conn.execute(mine.returning(_L.name)).first() is not None


def release(tx: Tx, name: str, holder: str) -> None:
    """Give it up, if one has it."""
    tx.conn.execute(delete(_LEASES).where(_L.name == name, _L.holder == holder))
