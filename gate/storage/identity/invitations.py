"""One-time links: to choose a password, to set up the first person, and to enter the demo."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, delete, insert, select

from gate.storage.database.tx import Tx
from gate.storage.database.upsert import upsert
from gate.storage.database.values import every, values_of
from gate.storage.identity.sessions import new_secret, sha256
from gate.storage.tables.schema_people import invitations, link_requests

EXPIRED_A_TURN_MAX = 1_000
"""The most invitations that one transaction deletes."""


class Kind(StrEnum):
    """The purpose of a link."""

    PASSWORD = "password"  # noqa: S105 - a kind of link, no secret
    SETUP = "setup"
    DEMO = "demo"


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link that works once, until `expires_at`. With `person` None its user gives a name.

    With `agreed` it was made on the host or by two admins, and also works for an account that its
    person already uses.
    """

    id: str
    kind: Kind
    person: str | None
    created_by: str
    expires_at: datetime
    agreed: bool


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """An admin's request for a link to an account that its person already uses.

    Another admin has to ask for the same, because the link would give the account away.
    """

    person: str
    asked_by: str
    expires_at: datetime


def add(
    tx: Tx, kind: Kind, person: str | None, by: str, good_for: timedelta, *, agreed: bool = True
) -> str:
    """Make a link, and return its secret, which is kept nowhere.

    Earlier links for the same person stop working.
    """
    if person is not None:
        tx.conn.execute(delete(invitations).where(invitations.c.person == person))
    secret = new_secret()
    row = {
        "secret_sha256": sha256(secret),
        "kind": kind.value,
        "person": person,
        "created_at": tx.now,
        "created_by": by,
        "expires_at": tx.now + good_for,
        "agreed": agreed,
    }
    tx.conn.execute(insert(invitations).values(row))
    return secret


def find(conn: Connection, secret: str, now: datetime) -> Invitation | None:
    """Return the invitation of a link, or None if it is unknown, used or too old."""
    here = invitations.c
    row = conn.execute(
        select(invitations).where(here.secret_sha256 == sha256(secret), here.expires_at > now)
    ).first()
    if row is None:
        return None
    kind = Kind(row.kind)
    return Invitation(
        row.secret_sha256, kind, row.person, row.created_by, row.expires_at, row.agreed
    )


def use(tx: Tx, secret: str) -> Invitation | None:
    """Use up a link, and return its invitation, or None. Of several at once only one gets it."""
    found = find(tx.conn, secret, tx.now)
    if found is None:
        return None
    used = tx.conn.execute(
        delete(invitations).where(invitations.c.secret_sha256 == found.id)
    ).rowcount
    return found if used == 1 else None


def ask(tx: Tx, person: str, by: str, good_for: timedelta) -> LinkRequest:
    """Keep a request for a link to this account, in place of an earlier request."""
    asked = LinkRequest(person, by, tx.now + good_for)
    upsert(tx, link_requests, values_of(asked))
    return asked


def take_request(tx: Tx, asked: LinkRequest) -> bool:
    """Use up a request. False: somebody else has used it first."""
    here = link_requests.c
    this = (
        here.person == asked.person,
        here.asked_by == asked.asked_by,
        here.expires_at == asked.expires_at,
    )
    return tx.conn.execute(delete(link_requests).where(*this)).rowcount == 1


def requests(conn: Connection, now: datetime) -> dict[str, LinkRequest]:
    """Return the requests that wait for another admin, by person."""
    waiting = select(link_requests).where(link_requests.c.expires_at > now)
    return {one.person: one for one in every(conn, LinkRequest, waiting)}


def waiting(conn: Connection, now: datetime) -> frozenset[str]:
    """Return everybody who has a link that is not used yet."""
    query = select(invitations.c.person).where(
        invitations.c.person.is_not(None), invitations.c.expires_at > now
    )
    return frozenset(conn.execute(query).scalars())


def delete_expired(tx: Tx) -> int:
    """Delete expired links up to the limit, and expired requests; return how many links."""
    tx.conn.execute(delete(link_requests).where(link_requests.c.expires_at <= tx.now))
    over = (
        select(invitations.c.secret_sha256)
        .where(invitations.c.expires_at <= tx.now)
        .limit(EXPIRED_A_TURN_MAX)
    )
    return tx.conn.execute(
        delete(invitations).where(invitations.c.secret_sha256.in_(over))
    ).rowcount
