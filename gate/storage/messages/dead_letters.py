"""Dead letters: messages that were given up after the last attempt, listed and sent again by a
person; and the health of each target.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, text, update

from gate.storage.database.pages import Page, Part, page
from gate.storage.database.tx import Tx
from gate.storage.tables import schema_work

TARGETS_MAX = 200

_OUTBOX = schema_work.outbox
_O = schema_work.outbox.c
KEYS = (_O.dead_at, _O.id)


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """One target: how many messages wait, since when the oldest waits, and how many are dead."""

    target: str
    waiting: int = 0
    oldest_at: datetime | None = None
    dead: int = 0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up."""

    id: str
    target: str
    change_id: str | None
    at: datetime
    dead_at: datetime
    attempts: int
    error: str


def health(conn: Connection) -> list[TargetHealth]:
    """Return every target that has waiting or dead messages, by name.

    Only indexes of those messages are read, so the cost does not grow with what was delivered.
    """
    waiting = (
        select(_O.target, func.count(), func.min(_O.at))
        .where(text(schema_work.UNDELIVERED))
        .group_by(_O.target)
    )
    found = {
        target: TargetHealth(target, n, since)
        for target, n, since in conn.execute(waiting.limit(TARGETS_MAX))
    }
    dead = select(_O.target, func.count()).where(_O.dead_at.is_not(None)).group_by(_O.target)
    for target, n in conn.execute(dead.limit(TARGETS_MAX)):
        found[target] = replace(found.get(target, TargetHealth(target)), dead=n)
    return [found[target] for target in sorted(found)]


def dead_letter_page(conn: Connection, part: Part) -> Page[DeadLetter]:
    """Return one page of dead letters by (`dead_at`, `id`), newest first."""
    columns = (_O.id, _O.target, _O.change_id, _O.at, _O.dead_at, _O.attempts, _O.error)
    found = select(*columns).where(_O.dead_at.is_not(None))
    return page(conn, [found], KEYS, part, _dead_letter)


def _dead_letter(row: Row[Any]) -> DeadLetter:
    at, dead_at = row.at, row.dead_at
    return DeadLetter(row.id, row.target, row.change_id, at, dead_at, row.attempts, row.error or "")


def send_again(tx: Tx, message_id: str) -> bool:
    """Have a dead letter delivered again at once, under its own id; False if there is none."""
    mine = update(_OUTBOX).where(_O.id == message_id, _O.dead_at.is_not(None))
    return tx.conn.execute(mine.values(dead_at=None, attempts=0, next_at=tx.now)).rowcount == 1
