"""API tokens: `gate_<id>_<secret>`.

The id finds the row; of the secret only its SHA-256 is kept.
"""

import hmac
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from gate.errors import Invalid
from gate.storage.database.pages import Page, Part, page
from gate.storage.database.tx import Tx
from gate.storage.database.values import every, reader, values_of
from gate.storage.identity.sessions import new_secret, sha256
from gate.storage.tables.columns import Instant
from gate.storage.tables.schema_people import tokens
from gate.storage.texts import insert_texts, new_text

ROLES = ("pipeline", "hook", "auditor", "admin")
KEYS = (tokens.c.created_at, tokens.c.id)
TOUCH_PAUSE = timedelta(minutes=1)
"""The precision of `last_used_at`, which is coarse so that a busy token does not cost a write each
time."""

TOPIC = "tokens"
"""The topic that is announced when a token was made or revoked."""

_ID_BYTES = 8
_TOKEN = re.compile(r"gate_([0-9a-f]{16})_([A-Za-z0-9_-]{43})", re.ASCII)
_NOBODY = "0" * 64
"""The hash that is compared if there is no such token, so that the answer takes as long."""


@dataclass(frozen=True, slots=True)
class Maker:
    """The maker of a token: the caller's name, the person at the root of the chain, and the token
    that was used, if it was one.
    """

    caller: str
    person: str | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """The properties of a token that is to be made, for either a role or a person. `name` is a text
    for people.
    """

    role: str | None = None
    person: str | None = None
    services: frozenset[str] | None = None
    hook: str | None = None
    expires_at: datetime | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """An API token without its secret, of a role or of a person. `services` None means all.

    `made_with` is the token with which it was made, if any. `root` is the person at the beginning
    of that chain, or None if it began on the host. `name` is the id of a text that says what it is
    used for: only people read it, and nothing is judged by it.
    """

    id: str
    role: str | None
    person: str | None
    services: frozenset[str] | None
    hook: str | None
    created_at: datetime
    created_by: str
    root: str | None
    made_with: str | None
    expires_at: datetime | None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    name: str | None = None

    def is_good_at(self, now: datetime) -> bool:
        """Return whether it is neither revoked nor expired; `now` is the database's time."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class Created:
    """A new token. `text` is shown once and kept nowhere."""

    token: Token
    text: str


class Presented(NamedTuple):
    """A token as it was presented: its id, and the SHA-256 of its secret."""

    id: str
    secret_sha256: str


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A token with the hash of its secret, to compare with."""

    token: Token
    secret_sha256: str


def create(tx: Tx, by: Maker, wanted: Wanted) -> Created:
    """Make a token of a role or of a person. Raises `Invalid` for one that could never be used."""
    _check(tx, wanted)
    named = [] if wanted.name is None else [new_text(wanted.name)]
    insert_texts(tx, named)
    token = Token(
        id=secrets.token_hex(_ID_BYTES),
        role=wanted.role,
        person=wanted.person,
        services=wanted.services,
        hook=wanted.hook,
        created_at=tx.now,
        created_by=by.caller,
        root=wanted.person or by.person,
        made_with=by.token,
        expires_at=wanted.expires_at,
        name=named[0].id if named else None,
    )
    secret = new_secret()
    tx.conn.execute(insert(tokens).values(values_of(token) | {"secret_sha256": sha256(secret)}))
    tx.touch(TOPIC)
    return Created(token, f"gate_{token.id}_{secret}")


def present(text: str) -> Presented | None:
    """Return the parts of a token's text, or None for any other text."""
    found = _TOKEN.fullmatch(text)
    return None if found is None else Presented(found[1], sha256(found[2]))


def find(conn: Connection, token: str) -> StoredToken | None:
    """Return the token of that id with its hash, for `judge`, or None."""
    row = conn.execute(
        select(*_COLUMNS, tokens.c.secret_sha256).where(tokens.c.id == token)
    ).first()
    return None if row is None else StoredToken(Token(*row[:-1]), row.secret_sha256)


def named(conn: Connection, wanted: Collection[str]) -> tuple[Token, ...]:
    """Return the tokens of these ids, to show which ones they were."""
    if not wanted:
        return ()
    return every(conn, Token, select(*_COLUMNS).where(tokens.c.id.in_(list(wanted))))


def judge(kept: StoredToken | None, presented: Presented, now: datetime) -> Token | None:
    """Return the token if the presented secret is right and it is valid now, or None.

    Secrets are compared in constant time, and also if there is no such token, so that the time of
    an answer does not tell which ids exist.
    """
    same = hmac.compare_digest(
        presented.secret_sha256, kept.secret_sha256 if kept is not None else _NOBODY
    )
    if kept is None or not same or not kept.token.is_good_at(now):
        return None
    return kept.token


def revoke(tx: Tx, token: str) -> bool:
    """Revoke a token. False: there is none, or it was revoked before."""
    statement = (
        update(tokens)
        .where(tokens.c.id == token, tokens.c.revoked_at.is_(None))
        .values(revoked_at=tx.now)
    )
    if tx.conn.execute(statement).rowcount != 1:
        return False
    tx.touch(TOPIC)
    return True


def token_page(conn: Connection, person: str | None, part: Part) -> Page[Token]:
    """Return one page of the tokens of a person, or of all, newest first, revoked ones too."""
    found = select(*_COLUMNS)
    if person is not None:
        found = found.where(tokens.c.person == person)
    return page(conn, [found], KEYS, part, reader(Token))


def count_good(conn: Connection, person: str) -> int:
    """Return how many tokens of a person are not revoked; expired ones count, too."""
    query = select(func.count()).where(tokens.c.person == person, tokens.c.revoked_at.is_(None))
    return int(conn.execute(query).scalar_one())


def touch(tx: Tx, used: Mapping[str, datetime]) -> None:
    """Keep when tokens were used last, at most once a minute each.

    The worker does this in batches, so that no request waits for it.
    """
    rows: Sequence[Mapping[str, object]] = [
        {"token": token, "used": at, "before": at - TOUCH_PAUSE}
        for token, at in sorted(used.items())
    ]
    if rows:
        tx.conn.execute(_TOUCH, rows)


_TOUCH = (
    update(tokens)
    .where(
        tokens.c.id == bindparam("token"),
        or_(
            tokens.c.last_used_at.is_(None),
            tokens.c.last_used_at <= bindparam("before", type_=Instant()),
        ),
    )
    .values(last_used_at=bindparam("used", type_=Instant()))
)


def _check(tx: Tx, wanted: Wanted) -> None:
    if (wanted.role is None) == (wanted.person is None):
        raise Invalid("a token is made for a role or for a person: name one of the two")
    if wanted.role is not None and wanted.role not in ROLES:
        raise Invalid(f"there is no role {wanted.role}; roles are {', '.join(ROLES)}")
    if wanted.services is not None and not wanted.services:
        raise Invalid(
            "a token for no service is of no use; name a service, or leave services out "
            "for all of them"
        )
    if (wanted.role == "hook") != (wanted.hook is not None):
        raise Invalid("a token of role hook is for one kind of hook, and no other token is")
    if wanted.role == "hook" and wanted.services is None:
        raise Invalid("a token of role hook is for named services; name each of them")
    if wanted.expires_at is not None and wanted.expires_at <= tx.now:
        raise Invalid(
            f"the token would have expired at {wanted.expires_at.isoformat()}; name a time "
            "that is to come"
        )


_COLUMNS = tuple(tokens.c[one.name] for one in fields(Token))
