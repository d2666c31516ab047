"""Messages that are to be delivered at least once, each under an id that never changes."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from gate.core.instants import to_us
from gate.storage import schema
from gate.storage.bulk import Bulk
from gate.storage.rows import MessageRow
from gate.storage.tx import Tx

CLAIMED_MAX = 50
ERROR_LENGTH_MAX = 500

_BULK = Bulk(schema.outbox, MessageRow._fields)
_OUTBOX = schema.outbox
_O = schema.outbox.c


@dataclass(frozen=True, slots=True)
class Message:
    """A claimed message. `lease` proves the claim: whoever lost it can no longer mark the message."""

    id: str
    target: str
    change_id: str | None
    body: bytes
    attempts: int
    lease: str


def insert_messages(tx: Tx, rows: Sequence[MessageRow]) -> None:
    """Put messages into the outbox, in the transaction of what they tell of."""
    _BULK.insert(tx, rows)


def claim(tx: Tx, target: str, *, lease_for: timedelta) -> list[Message]:
    """Due messages that nobody works on, the oldest first. Who does not mark them in time loses them to the next."""
    now, lease = to_us(tx.now), secrets.token_hex(16)
    due = (
        select(_O.id)
        .where(_O.target == target, _O.next_at <= now, _O.delivered_at.is_(None), _O.dead_at.is_(None))
        .where(_O.lease_until.is_(None) | (_O.lease_until <= now))
        .order_by(_O.next_at, _O.id)
        .limit(CLAIMED_MAX)
        .with_for_update(skip_locked=True)  # SQLite has one writer anyway and leaves this out
    )
    ids = list(tx.conn.scalars(due))
    until = to_us(tx.now + lease_for)
    tx.conn.execute(update(_OUTBOX).where(_O.id.in_(ids)).values(lease=lease, lease_until=until, attempts=_O.attempts + 1))
    rows = tx.conn.execute(
        select(_O.id, _O.target, _O.change_id, _O.body, _O.attempts, _O.lease).where(_O.id.in_(ids)).order_by(_O.next_at, _O.id)
    )
    return [Message(*row) for row in rows]


def delivered(tx: Tx, message: Message) -> bool:
    """Done; False when the claim was lost."""
    return _mark(tx, message, delivered_at=to_us(tx.now), error=None)


def again(tx: Tx, message: Message, *, at: datetime, error: str) -> bool:
    """Try again from then on; False when the claim was lost."""
    return _mark(tx, message, next_at=to_us(at), error=error[:ERROR_LENGTH_MAX])


def dead(tx: Tx, message: Message, *, error: str) -> bool:
    """Give up, visibly; False when the claim was lost."""
    return _mark(tx, message, dead_at=to_us(tx.now), error=error[:ERROR_LENGTH_MAX])


def _mark(tx: Tx, message: Message, **values: object) -> bool:
    mine = update(_OUTBOX).where(_O.id == message.id, _O.lease == message.lease)
    return tx.conn.execute(mine.values(lease=None, lease_until=None, **values)).rowcount == 1
