"""`gate token`: API tokens, made straight in the database; a running server knows them within a
second.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from gate.cli.database import existing
from gate.config import Settings
from gate.core.catalogue.identity import Identities
from gate.core.decision.places import lacks, unknown
from gate.core.instants import ALLOWED, in_utc
from gate.errors import Invalid, NotFound
from gate.flow.asks import TokenAsk
from gate.flow.caller import Role
from gate.flow.identity.tokens import make_token, revoke_token
from gate.flow.rulebooks import current_catalogue
from gate.storage.database.pages import PAGE_ROWS_MAX, Part
from gate.storage.database.tx import Tx
from gate.storage.identity import tokens
from gate.storage.identity.tokens import Token, TokenQuery
from gate.storage.store import transaction

BY = "command line"


def create(
    *,
    role: str | None,
    person: str | None,
    services: list[str],
    all_services: bool,
    expires_at: str | None,
) -> None:
    """Print the token alone; of a service that the catalogue lacks a note says so, because it may
    be misspelt.
    """
    if person is not None and (services or all_services):
        raise Invalid(
            "a personal token is its person's, for every service; leave --service and "
            "--all-services out"
        )
    if role == Role.PIPELINE and not services and not all_services:
        raise Invalid(
            "a pipeline token is bound to services: name each with --service, or say --all-services"
        )
    if role != Role.PIPELINE and (services or all_services):
        raise Invalid(
            "only a pipeline token is bound to services; leave --service and --all-services out"
        )
    if services and all_services:
        raise Invalid("--service and --all-services contradict each other; take one of them")
    ask = TokenAsk(
        _role(role), frozenset(services) if services else None, person, _instant(expires_at)
    )
    with transaction(existing(Settings.read())) as tx:
        created = make_token(tx, ask, _person(tx, person), BY)
        known = current_catalogue(tx.conn).services
    for service in services:
        if lacks(known, service):
            print(f"note: {unknown('service', service, known)}", file=sys.stderr)
    print(created.text)


def show() -> None:
    """One line a token."""
    with transaction(existing(Settings.read())) as tx:
        found = list(_all(tx.conn))
    for token in found:
        state = (
            "revoked"
            if token.revoked_at
            else f"until {token.expires_at:%Y-%m-%d}"
            if token.expires_at
            else "good"
        )
        services = "all services" if token.services is None else " ".join(sorted(token.services))
        used = f"{token.last_used_at:%Y-%m-%d %H:%M}" if token.last_used_at else "never used"
        print(f"{token.id}  {token.role or token.person}  {services}  {state}  {used}")


def revoke(token: str) -> None:
    """Raises `NotFound` for one that is not good."""
    with transaction(existing(Settings.read())) as tx:
        if not revoke_token(tx, token, BY):
            raise NotFound(f"there is no token {token} that is good; `gate token list` shows them")


def _all(conn: Connection) -> Iterator[Token]:
    part = Part(PAGE_ROWS_MAX)
    while True:
        found = tokens.token_page(conn, TokenQuery(), part)
        yield from found.rows
        if found.next is None:
            return
        part = replace(part, after=found.next)


def _role(role: str | None) -> Role | None:
    if role is None:
        return None
    try:
        return Role(role)
    except ValueError:
        raise Invalid(f"there is no role {role}; roles are {', '.join(Role)}") from None


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(
            f"--expires-at {text}: write RFC 3339, such as 2027-01-31T12:00:00Z"
        ) from None
    if at.tzinfo is None:
        raise Invalid(f"--expires-at {text} has no zone; add Z for UTC")
    if in_utc(at) is None:
        raise Invalid(f"--expires-at {text}: allowed is {ALLOWED}")
    return at


def _person(tx: Tx, asked: str | None) -> str | None:
    if asked is None:
        return None
    catalogue = current_catalogue(tx.conn)
    person = asked if asked in catalogue.people else Identities(catalogue).person(asked)
    if person is None:
        raise Invalid(
            f"{asked} is nobody in the catalogue in force; add the address to a person there first"
        )
    return person
