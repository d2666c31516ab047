"""Messages that are to be delivered at least once, each under an id that never changes."""

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, text, update

from gate.core.instants import from_us
from gate.core.messages.outgoing import Message
from gate.storage.database.bulk import Bulk
from gate.storage.database.rows import EntryRow, MessageRow
from gate.storage.database.tx import Tx
from gate.storage.tables import schema_work

CLAIMED_MAX = 50
DUE_TARGETS_MAX = 100
ERROR_LENGTH_MAX = 500
DELETED_AT_ONCE_MAX = 1_000
DELIVERED_KEPT = timedelta(days=1)
DEAD_KEPT = timedelta(days=90)

_BULK = Bulk(schema_work.outbox, MessageRow._fields)
_OUTBOX = schema_work.outbox
_O = schema_work.outbox.c
_UNDELIVERED = text(schema_work.UNDELIVERED)


def new_message_id() -> str:
    """Return a random id. If it could be guessed, somebody else could use it first at a receiver,
    which would then ignore the real message.
    """
    return f"msg_{secrets.token_hex(16)}"


def insert_messages(tx: Tx, rows: Sequence[MessageRow]) -> None:
    """Put messages into the outbox, in the transaction of what they are about."""
    _BULK.insert(tx, rows)


def queue_messages(tx: Tx, target: str, messages: Iterable[tuple[str | None, bytes]]) -> None:
    """Put messages to one target into the outbox, each with the change that it is about, if any."""
    insert_messages(
        tx,
        [
            MessageRow(new_message_id(), tx.now, target, change, body, tx.now)
            for change, body in messages
        ],
    )


def announce(tx: Tx, rows: Sequence[EntryRow]) -> None:
    """Put a message of each entry into the outbox for every target that subscribed to its kind."""
    messages = [
        MessageRow(new_message_id(), at, one.target, row.change_id, row.body, at)
        for row, at in ((row, from_us(row.at)) for row in rows)
        for one in tx.subscribers.get(row.kind, ())
        if one.only in row.body
    ]
    if messages:
        insert_messages(tx, messages)


def due_targets(conn: Connection, now: datetime) -> list[str]:
    """Return the targets that have messages due, the one that waits longest first."""
    due = select(_O.target).where(_UNDELIVERED, _O.next_at <= now).group_by(_O.target)
    return list(conn.scalars(due.order_by(func.min(_O.next_at)).limit(DUE_TARGETS_MAX)))


def claim(
    tx: Tx, target: str, *, lease_for: timedelta, at_most: int = CLAIMED_MAX
) -> list[tuple[Message, str]]:
    """Claim messages that are due, the oldest first; return each with its lease, which proves it.

    A message that is not marked before its lease ends can be claimed by another process.
    """
    now, lease = tx.now, secrets.token_hex(16)
    due = (
        select(_O.id)
        .where(_UNDELIVERED, _O.target == target, _O.next_at <= now)
        .where(_O.lease_until.is_(None) | (_O.lease_until <= now))
        .order_by(_O.next_at, _O.id)
        .limit(min(at_most, CLAIMED_MAX))
        .with_for_update(skip_locked=True)  # SQLite has one writer anyway and leaves this out
    )
    ids = list(tx.conn.scalars(due))
    until = tx.now + lease_for
    tx.conn.execute(
        update(_OUTBOX)
        .where(_O.id.in_(ids))
        .values(lease=lease, lease_until=until, attempts=_O.attempts + 1)
    )
    rows = tx.conn.execute(
        select(_O.id, _O.target, _O.change_id, _O.body, _O.attempts)
        .where(_O.id.in_(ids))
        .order_by(_O.next_at, _O.id)
    )
    return [(Message(*row), lease) for row in rows]


def delivered(tx: Tx, message: Message, lease: str) -> bool:
    """Mark a message as delivered. False: the claim was lost."""
    return _mark(tx, message, lease, delivered_at=tx.now, error=None)


def again(tx: Tx, message: Message, lease: str, *, after: timedelta, error: str) -> bool:
    """Have a message tried again so much later. False: the claim was lost."""
    return _mark(tx, message, lease, next_at=tx.now + after, error=error[:ERROR_LENGTH_MAX])


def dead(tx: Tx, message: Message, lease: str, *, error: str) -> bool:
    """Mark a message as dead, which people can see. False: the claim was lost."""
    return _mark(tx, message, lease, dead_at=tx.now, error=error[:ERROR_LENGTH_MAX])


def delete_done(tx: Tx) -> None:
    """Delete messages delivered a day ago, and dead ones that nobody sent again in 90 days."""
    for column, kept in ((_O.delivered_at, DELIVERED_KEPT), (_O.dead_at, DEAD_KEPT)):
        over = (
            select(_O.id)
            .where(column.is_not(None), column < tx.now - kept)
            .limit(DELETED_AT_ONCE_MAX)
        )
        tx.conn.execute(delete(_OUTBOX).where(_O.id.in_(over)))


def _mark(tx: Tx, message: Message, lease: str, **values: object) -> bool:
    mine = update(_OUTBOX).where(_O.id == message.id, _O.lease == lease)
    return tx.conn.execute(mine.values(lease=None, lease_until=None, **values)).rowcount == 1
