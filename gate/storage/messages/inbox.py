"""Deliveries of other systems: written down once, worked on until it succeeds or is given up."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Update, delete, select, text, update

from gate.storage.database.tx import Tx
from gate.storage.database.upsert import upsert
from gate.storage.database.values import every
from gate.storage.tables.schema_hooks import GIVEN_UP, deliveries, sources_heard

CLAIMED_MAX = 20
"""The most deliveries of one sender that are claimed at once."""

ERROR_LENGTH_MAX = 500
HEARD_PAUSE = timedelta(minutes=1)
"""The time after which a source's last report is written down again."""

_D = deliveries.c


@dataclass(frozen=True, slots=True)
class InboxDelivery:
    """One report of another system.

    `named` is the source's own name for it, and unique for one caller. It is not unique over all
    callers, because names can be guessed: a caller who sends a report under another caller's name
    must not be able to suppress that one.
    """

    source: str
    named: str
    kind: str
    caller: str
    body: bytes

    @property
    def key(self) -> str:
        """The key under which the report is kept; its length does not depend on the
        source's name.
        """
        whole = f"{self.caller}\n{self.named}"
        return hashlib.sha256(whole.encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery to be worked on now. `attempts` counts this one."""

    source: str
    key: str
    kind: str
    caller: str
    at: datetime
    body: bytes
    attempts: int


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A delivery on which nobody works any more, and why. What stood in it is gone."""

    source: str
    kind: str
    at: datetime
    attempts: int
    error: str


def add(tx: Tx, received: Sequence[InboxDelivery]) -> int:
    """Keep reports, and return how many are new.

    One that was kept before stays as it is, unless it was given up; then it is worked on again,
    because a source sends it again when an operator has mended the cause and asks the source to.
    """
    for source, caller in sorted({(one.source, one.caller) for one in received}):
        _hear(tx, source, caller)
    return sum(_add(tx, one) for one in received)


def _hear(tx: Tx, source: str, caller: str) -> None:
    row = {"source": source, "caller": caller, "first_at": tx.now, "last_at": tx.now}
    long_ago = sources_heard.c.last_at <= tx.now - HEARD_PAUSE
    upsert(tx, sources_heard, row, only=("last_at",), where=long_ago)


def _add(tx: Tx, one: InboxDelivery) -> bool:
    row = {
        "source": one.source,
        "key": one.key,
        "at": tx.now,
        "kind": one.kind,
        "caller": one.caller,
        "body": one.body,
        "next_at": tx.now,
        "attempts": 0,
        "error": None,
    }
    return upsert(tx, deliveries, row, where=_D.next_at.is_(None) & _D.error.is_not(None))


def claim(tx: Tx, *, again_at: datetime) -> list[Claimed]:
    """Claim deliveries that are due, some of every sender, oldest first.

    A sender is a source with the token that its reports come with. Each has its own limit, so that
    one with much to tell keeps no other one waiting. If the process that claims a delivery dies,
    another one gets it at `again_at`.
    """
    due = (_D.next_at.is_not(None), _D.next_at <= tx.now)
    found: list[Claimed] = []
    senders = select(_D.source, _D.caller).where(*due).distinct().order_by(_D.source, _D.caller)
    for source, caller in tx.conn.execute(senders).all():
        query = (
            select(deliveries)
            .where(*due, _D.source == source, _D.caller == caller)
            .order_by(_D.next_at, _D.at, _D.key)
            .limit(CLAIMED_MAX)
        )
        # Rows that another process has locked are skipped. SQLite has one writer, and no locks.
        for row in tx.conn.execute(query.with_for_update(skip_locked=True)).all():
            tx.conn.execute(
                _at(row.source, row.key).values(next_at=again_at, attempts=row.attempts + 1)
            )
            attempts = row.attempts + 1
            found.append(
                Claimed(row.source, row.key, row.kind, row.caller, row.at, row.body, attempts)
            )
    return found


def done(tx: Tx, source: str, key: str) -> None:
    """Mark a delivery as done, and delete its body.

    What people wrote in it must stay only where it can be erased.
    """
    tx.conn.execute(_at(source, key).values(next_at=None, body=b"", error=None))


def again(tx: Tx, source: str, key: str, *, at: datetime, error: str) -> None:
    """Have a delivery tried again at this instant."""
    tx.conn.execute(_at(source, key).values(next_at=at, error=error[:ERROR_LENGTH_MAX]))


def give_up(tx: Tx, source: str, key: str, *, error: str) -> None:
    """Give a delivery up; its row keeps the reason."""
    tx.conn.execute(_at(source, key).values(next_at=None, body=b"", error=error[:ERROR_LENGTH_MAX]))


def given_up(conn: Connection, limit: int) -> tuple[GivenUp, ...]:
    """Return the newest deliveries that were given up, newest first."""
    columns = (_D.source, _D.kind, _D.at, _D.attempts, _D.error)
    newest = (
        select(*columns).where(text(GIVEN_UP)).order_by(_D.at.desc(), _D.key.desc()).limit(limit)
    )
    return every(conn, GivenUp, newest)


def forget(tx: Tx, *, older_than: timedelta) -> int:
    """Delete deliveries so old that no sender repeats them, and return how many."""
    before = tx.now - older_than
    return tx.conn.execute(delete(deliveries).where(_D.at < before, _D.next_at.is_(None))).rowcount


def _at(source: str, key: str) -> Update:
    return update(deliveries).where(_D.source == source, _D.key == key)
