"""People who may sign in. A row has only what the catalogue does not say about its person."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Row, delete, select, update

from gate.storage.database.pages import Page, Part, page
from gate.storage.database.tx import Tx
from gate.storage.database.upsert import insert_new
from gate.storage.database.values import first
from gate.storage.identity.sessions import TOPIC as SESSIONS
from gate.storage.tables import schema
from gate.storage.tables.schema_people import invitations, people, sessions

KEYS = (people.c.created_at, people.c.id)
CLAIMS_GOOD_FOR = timedelta(days=7)
"""How long after a sign-in the groups count that the identity provider named then."""

TOPIC = "people"
"""The topic that other processes hear of when the row of a person changed."""


@dataclass(frozen=True, slots=True)
class AccountState:
    """The part of an account that decides about its person's permissions, beside the catalogue.

    The defaults are the state of a person who has no row.
    """

    role: str | None = None
    claimed_groups: tuple[str, ...] = ()
    disabled: bool = False
    # The person is not in the catalogue but was invited.
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """One row. `email` is the id of a text; only people who are not in the catalogue have it."""

    id: str
    email: str | None
    role: str | None
    password: str | None = field(repr=False)
    external_id: str | None
    claimed_groups: tuple[str, ...]
    signed_in_at: datetime | None
    disabled_at: datetime | None

    @property
    def is_used(self) -> bool:
        """Whether somebody acts as this person already, and would lose the account to the next one
        who gets a link to it.
        """
        return (
            self.password is not None
            or self.external_id is not None
            or self.signed_in_at is not None
        )

    @property
    def account_state(self) -> AccountState:
        """The part of the row that decides about permissions."""
        return AccountState(
            self.role, self.claimed_groups, self.disabled_at is not None, self.email is not None
        )


USUAL = AccountState()
ACCOUNT_STATE: tuple[Any, ...] = (
    people.c.role,
    people.c.claimed_groups,
    people.c.disabled_at,
    people.c.email,
)
"""The columns that an account state is made of, for queries that join them to other tables."""


def account_state_of(row: Row[Any]) -> AccountState:
    """Return the state from those columns, which are all null for a person without a row."""
    if row.claimed_groups is None:
        return USUAL
    return AccountState(
        row.role, row.claimed_groups, row.disabled_at is not None, row.email is not None
    )


def account_state(conn: Connection, person: str) -> AccountState:
    """Return the state of a person, whether there is a row or not."""
    row = conn.execute(select(*ACCOUNT_STATE).where(people.c.id == person)).first()
    return USUAL if row is None else account_state_of(row)


def read(conn: Connection, person: str) -> Stored | None:
    """Return the row of that id, or None."""
    return first(conn, Stored, select(*_COLUMNS).where(people.c.id == person))


def by_email(conn: Connection, address: str) -> Stored | None:
    """Return the person who was invited under this address and is not in the catalogue, or None.

    The address is given in one spelling.
    """
    texts = schema.texts
    invited = select(*_COLUMNS).join(texts, texts.c.id == people.c.email)
    return first(conn, Stored, invited.where(texts.c.name == address))


def outside(conn: Connection) -> dict[str, str]:
    """Return the ids of all people who are not in the catalogue, by the address, in one spelling,
    under which they were invited.
    """
    texts = schema.texts
    query = select(texts.c.name, people.c.id).join(people, people.c.email == texts.c.id)
    return {row.name: row.id for row in conn.execute(query)}


def by_external_id(conn: Connection, external_id: str) -> Stored | None:
    """Return the person who has this name at the identity provider, or None."""
    return first(conn, Stored, select(*_COLUMNS).where(people.c.external_id == external_id))


def external_id(issuer: str, subject: str) -> str:
    """Return the form in which a provider's name for a person is kept.

    It is a hash, because the name may be an address, and is only ever compared.
    """
    return hashlib.sha256(orjson.dumps([issuer, subject])).hexdigest()


def nobody_yet(conn: Connection) -> bool:
    """Return whether no person was ever let in."""
    return conn.execute(select(people.c.id).limit(1)).first() is None


def people_page(conn: Connection, part: Part) -> Page[Stored]:
    """Return one page of everybody with a row, by (`created_at`, `id`), newest first."""
    # `created_at` is no field of `Stored`, but the page is ordered by it.
    found = select(*_COLUMNS, people.c.created_at)
    return page(conn, [found], KEYS, part, lambda row: Stored(*row[: len(_COLUMNS)]))


def ensure(tx: Tx, person: str, by: str, *, email: str | None = None) -> Stored:
    """Return the row of that id, which is made if there is none."""
    row = {
        "id": person,
        "email": email,
        "claimed_groups": (),
        "created_at": tx.now,
        "created_by": by,
    }
    if insert_new(tx, people, row):
        tx.touch(TOPIC)
    found = read(tx.conn, person)
    if found is None:
        # The row was made a moment ago, and rows of people are never deleted.
        raise LookupError(person)
    return found


def set_role(tx: Tx, person: str, role: str | None) -> None:
    """Set a role, and end all sessions of the person, who has to sign in again (A39)."""
    _set(tx, person, role=role)
    end_sessions(tx, person)


def set_password(tx: Tx, person: str, password: str, *, agreed: bool) -> None:
    """Set the hash of a new password, and end all sessions of the person.

    With `agreed` no admin alone can have chosen it, because the link was made on the host or by
    two admins.
    """
    _set(tx, person, password=password, password_agreed=agreed)
    end_sessions(tx, person)


def keep_rehashed(tx: Tx, person: str, password: str) -> None:
    """Replace the hash of an unchanged password by one with stronger parameters."""
    tx.conn.execute(update(people).where(people.c.id == person).values(password=password))


def bind(tx: Tx, person: str, external: str) -> bool:
    """Bind the identity provider's name to a person. False: another name is bound already.

    From now on the provider proves who they are. A password that one admin alone may have chosen
    proves nothing, so it is deleted, and its sessions end.
    """
    unbound = (people.c.id == person, people.c.external_id.is_(None))
    if tx.conn.execute(update(people).where(*unbound).values(external_id=external)).rowcount != 1:
        return False
    doubtful = (
        people.c.id == person,
        people.c.password.is_not(None),
        people.c.password_agreed.is_not(True),
    )
    if tx.conn.execute(update(people).where(*doubtful).values(password=None)).rowcount:
        end_sessions(tx, person)
    tx.touch(TOPIC)
    return True


def unbind(tx: Tx, person: str) -> None:
    """Free the provider's name of a person who has left. Its next owner is another person here."""
    _set(tx, person, external_id=None)


def claim(tx: Tx, person: str, groups: Sequence[str]) -> None:
    """Keep the groups that the identity provider names for a person now."""
    _set(tx, person, claimed_groups=tuple(groups), claimed_at=tx.now)


def forget_old_claims(tx: Tx) -> int:
    """Forget groups that the provider has not confirmed for too long; return of how many people."""
    old = (people.c.claimed_at <= tx.now - CLAIMS_GOOD_FOR, people.c.claimed_groups != ())
    forgotten = tx.conn.execute(update(people).where(*old).values(claimed_groups=())).rowcount
    if forgotten:
        tx.touch(TOPIC)
    return forgotten


def signed_in(tx: Tx, person: str, *, password: str | None = None) -> bool:
    """Keep that a person signs in now. False: disabled, unknown, or with another password.

    It is one statement that compares and sets, so that disabling the person at the same moment
    comes either before or after it.
    """
    rightful = [people.c.id == person, people.c.disabled_at.is_(None)]
    if password is not None:
        rightful.append(people.c.password == password)
    signing_in = update(people).where(*rightful).values(signed_in_at=tx.now)
    return tx.conn.execute(signing_in).rowcount == 1


def disable(tx: Tx, person: str) -> None:
    """Disable a person: all sessions end, and no invitation or personal token works any more."""
    _set(tx, person, disabled_at=tx.now)
    sign_out(tx, person)


def enable(tx: Tx, person: str) -> None:
    """Enable a person again."""
    _set(tx, person, disabled_at=None)


def end_sessions(tx: Tx, person: str) -> None:
    """End all sessions of a person."""
    tx.conn.execute(delete(sessions).where(sessions.c.person == person))
    tx.touch(SESSIONS)


def sign_out(tx: Tx, person: str) -> None:
    """End all sessions of a person, and delete the invitations."""
    end_sessions(tx, person)
    tx.conn.execute(delete(invitations).where(invitations.c.person == person))


def enter(tx: Tx, person: str) -> None:
    """Keep that a person who was invited is in the catalogue by now, under the same id.

    All sessions end, because other permissions follow from the catalogue.
    """
    end_sessions(tx, person)
    _set(tx, person, email=None)


def join(tx: Tx, account: str, person: str) -> None:
    """Give an account to a person of the catalogue, who has another id.

    If the person has an account already, this one ends instead.
    """
    end_sessions(tx, account)
    if read(tx.conn, person) is not None:
        sign_out(tx, account)
        _set(tx, account, email=None)
        return
    tx.conn.execute(update(people).where(people.c.id == account).values(id=person, email=None))
    tx.conn.execute(
        update(invitations).where(invitations.c.person == account).values(person=person)
    )
    tx.touch(TOPIC)


def _set(tx: Tx, person: str, **columns: object) -> None:
    tx.conn.execute(update(people).where(people.c.id == person).values(**columns))
    tx.touch(TOPIC)


_COLUMNS = tuple(people.c[one.name] for one in fields(Stored))
