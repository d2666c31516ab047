"""One-time links: an invitation to choose a password, the set-up of the first person, the demo's
way in.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, delete, insert, select

from gate.core.instants import from_us, to_us
from gate.storage.database.tx import Tx
from gate.storage.identity.sessions import new_secret, sha256
from gate.storage.tables.schema_people import invitations

EXPIRED_A_TURN_MAX = 1_000
"""How many invitations one transaction forgets."""


class Kind(StrEnum):
    """What a link is good for."""

    PASSWORD = "password"  # noqa: S105 - a kind of link, no secret
    SETUP = "setup"
    DEMO = "demo"


@dataclass(frozen=True, slots=True)
class Invitation:
    """Good once, until `expires_at`. `person` None: whoever uses it names themself."""

    id: str
    kind: Kind
    person: str | None
    created_by: str
    expires_at: datetime


def add(tx: Tx, kind: Kind, person: str | None, by: str, good_for: timedelta) -> str:
    """A new one; its secret is shown this once.

    Earlier ones for the same person are of no use any more.
    """
    if person is not None:
        tx.conn.execute(delete(invitations).where(invitations.c.person == person))
    secret = new_secret()
    row = {
        "secret_sha256": sha256(secret),
        "kind": kind.value,
        "person": person,
        "created_at": to_us(tx.now),
        "created_by": by,
        "expires_at": to_us(tx.now + good_for),
    }
    tx.conn.execute(insert(invitations).values(row))
    return secret


def find(conn: Connection, secret: str, now: datetime) -> Invitation | None:
    """What a link is good for; None for one that is unknown, used or too old."""
    row = conn.execute(
        select(invitations).where(invitations.c.secret_sha256 == sha256(secret))
    ).first()
    if row is None or row.expires_at <= to_us(now):
        return None
    return Invitation(
        row.secret_sha256, Kind(row.kind), row.person, row.created_by, from_us(row.expires_at)
    )


def use(tx: Tx, secret: str) -> Invitation | None:
    """Return an invitation that is good, and from now on it is of no use. Of several who come at
    once, one gets it.
    """
    found = find(tx.conn, secret, tx.now)
    if found is None:
        return None
    used = tx.conn.execute(
        delete(invitations).where(invitations.c.secret_sha256 == found.id)
    ).rowcount
    return found if used == 1 else None


def waiting(conn: Connection, now: datetime) -> frozenset[str]:
    """Everybody who has a link that they have not used."""
    query = select(invitations.c.person).where(
        invitations.c.person.is_not(None), invitations.c.expires_at > to_us(now)
    )
    return frozenset(conn.execute(query).scalars())


def delete_expired(tx: Tx) -> int:
    """Forget some that are over; how many it were."""
    over = (
        select(invitations.c.secret_sha256)
        .where(invitations.c.expires_at <= to_us(tx.now))
        .limit(EXPIRED_A_TURN_MAX)
    )
    found = tx.conn.execute(over).scalars().all()
    if found:
        tx.conn.execute(delete(invitations).where(invitations.c.secret_sha256.in_(found)))
    return len(found)
