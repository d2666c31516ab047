"""Sessions of people at a browser: of the secret in the cookie only its SHA-256 is kept."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from gate.storage.database.tx import Tx
from gate.storage.database.values import first
from gate.storage.tables.columns import Instant
from gate.storage.tables.schema_people import sessions

SECRET_BYTES = 32
SECRET_LENGTH = 43
IDLE_HOURS = 8
"""The time without use after which a session ends."""

LIFE_HOURS = 24
"""The longest life of a session, however busy it is."""

EXPIRED_A_TURN_MAX = 1_000
"""The most sessions that one transaction deletes."""

TOPIC = "sessions"
"""The topic that is announced when a session was ended."""


@dataclass(frozen=True, slots=True)
class Session:
    """One browser of one person. `id` is the SHA-256 of its secret."""

    id: str
    person: str
    seen_at: datetime
    ends_at: datetime

    def is_good_at(self, now: datetime, seen_at: datetime | None = None) -> bool:
        """Return whether it is neither over nor idle for too long.

        `seen_at` is when it was used last, if that is known to be later than the database says.
        """
        seen = max(self.seen_at, seen_at or self.seen_at)
        return now < self.ends_at and now - seen < timedelta(hours=IDLE_HOURS)


@dataclass(frozen=True, slots=True)
class New:
    """A session that was just opened. `secret` is shown once, in a cookie, and is nowhere else."""

    secret: str
    session: Session


def new_secret() -> str:
    """Return a random secret that nobody can guess."""
    return secrets.token_urlsafe(SECRET_BYTES)


def sha256(secret: str) -> str:
    """Return the digest of a secret, which is kept instead of it."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def open_session(tx: Tx, person: str) -> New:
    """Open a session for a person who has a row in `people`."""
    secret = new_secret()
    session = Session(sha256(secret), person, tx.now, tx.now + timedelta(hours=LIFE_HOURS))
    row = {
        "secret_sha256": session.id,
        "person": person,
        "opened_at": tx.now,
        "seen_at": session.seen_at,
        "ends_at": session.ends_at,
    }
    tx.conn.execute(insert(sessions).values(row))
    return New(secret, session)


def find(conn: Connection, session: str) -> Session | None:
    """Return the session of that id, or None; `is_good_at` says whether it is still valid."""
    here = sessions.c
    columns = (here.secret_sha256, here.person, here.seen_at, here.ends_at)
    return first(conn, Session, select(*columns).where(here.secret_sha256 == session))


def end(tx: Tx, session: str) -> bool:
    """End a session. False: there is none."""
    if not tx.conn.execute(delete(sessions).where(sessions.c.secret_sha256 == session)).rowcount:
        return False
    tx.touch(TOPIC)
    return True


def touch(tx: Tx, seen: Mapping[str, datetime]) -> None:
    """Keep when sessions were used last. The worker does it in batches: no request waits for it."""
    rows = [{"session": session, "seen": at} for session, at in sorted(seen.items())]
    if rows:
        tx.conn.execute(_TOUCH, rows)


def delete_expired(tx: Tx) -> int:
    """Delete sessions that are over, up to the limit, and return how many."""
    over = or_(
        sessions.c.ends_at <= tx.now,
        sessions.c.seen_at <= tx.now - timedelta(hours=IDLE_HOURS),
    )
    some = select(sessions.c.secret_sha256).where(over).limit(EXPIRED_A_TURN_MAX)
    return tx.conn.execute(delete(sessions).where(sessions.c.secret_sha256.in_(some))).rowcount


_SEEN = bindparam("seen", type_=Instant())
_TOUCH = (
    update(sessions)
    .where(
        sessions.c.secret_sha256 == bindparam("session"),
        sessions.c.seen_at < _SEEN,
    )
    .values(seen_at=_SEEN)
)
