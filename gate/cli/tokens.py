"""`gate token`: makes and revokes API tokens, directly in the database. Servers notice it within a
second.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import Connection

from gate.cli.database import existing
from gate.client.show.text import visible
from gate.config import Settings
from gate.core.decision.places import lacks, unknown
from gate.core.facts import TEXT_LENGTH_MAX
from gate.core.instants import ALLOWED, in_utc
from gate.errors import Invalid, NotFound
from gate.flow.caller import HookKind, Role
from gate.flow.commands import TokenCommand
from gate.flow.identity.accounts import person_named
from gate.flow.identity.labels import labels
from gate.flow.identity.tokens import make_token, revoke_token
from gate.flow.rulebooks import current_catalogue, current_rulebook
from gate.storage import texts
from gate.storage.database.pages import PAGE_ROWS_MAX, Part
from gate.storage.database.tx import Tx
from gate.storage.identity import tokens
from gate.storage.identity.tokens import Maker, Token
from gate.storage.store import transaction

HOST = Maker("command line")

Kind = TypeVar("Kind", bound=StrEnum)

_HOOKS = "|".join(HookKind)


@dataclass(frozen=True, slots=True)
class TokenFlags:
    """The flags of `gate token create`."""

    role: str | None = None
    person: str | None = None
    services: tuple[str, ...] = ()
    all_services: bool = False
    hook: str | None = None
    expires_at: str | None = None
    name: str | None = None


def create(flags: TokenFlags) -> None:
    """Make a token, and print only the token on standard output.

    A note says if the catalogue lacks the service, because it may be misspelt.
    """
    _check(flags)
    command = TokenCommand(
        _member(Role, flags.role, "role"),
        frozenset(flags.services) or None,
        flags.person,
        _instant(flags.expires_at),
        _member(HookKind, flags.hook, "hook"),
        _name(flags.name),
    )
    with transaction(existing(Settings.read())) as tx:
        created = make_token(tx, command, _person(tx, flags.person), HOST)
        known = current_catalogue(tx.conn).services
    for service in flags.services:
        if lacks(known, service):
            print(f"note: {unknown('service', service, known)}", file=sys.stderr)
    print(created.text)


def _check(flags: TokenFlags) -> None:
    if flags.person is not None and (flags.services or flags.all_services):
        raise Invalid(
            "a personal token is its person's, for every service; leave --service and "
            "--all-services out"
        )
    if flags.services and flags.all_services:
        raise Invalid("--service and --all-services contradict each other; take one of them")
    if flags.role == Role.PIPELINE and not flags.services and not flags.all_services:
        raise Invalid(
            "a pipeline token is bound to services: name each with --service, or say --all-services"
        )
    if flags.role == Role.HOOK and not (flags.services and flags.hook):
        raise Invalid(
            f"a hook token is for one kind of hook and for named services: --hook {_HOOKS} "
            "and --service"
        )
    if flags.hook is not None and flags.role != Role.HOOK:
        raise Invalid("only a token of role hook is for a kind of hook; leave --hook out")
    if flags.role != Role.PIPELINE and (
        flags.all_services or (flags.services and flags.role != Role.HOOK)
    ):
        raise Invalid(
            "only a token of role pipeline or hook is bound to services; leave --service "
            "and --all-services out"
        )


def show() -> None:
    """Print one line for each token."""
    with transaction(existing(Settings.read())) as tx:
        found = list(_all(tx.conn))
        known = labels(
            tx.conn, current_catalogue(tx.conn), [token.person for token in found if token.person]
        )
        names = texts.read_texts(tx.conn, [token.name for token in found if token.name])
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
        whose = token.role or known[token.person or ""]
        name = names.get(token.name or "")
        print(
            f"{token.id}  {whose}{f' {token.hook}' if token.hook else ''}  {services}  "
            f"{state}  {used}{f'  {visible(name)}' if name else ''}"
        )


def revoke(token: str) -> None:
    """Revoke a token. Raises `NotFound` for one that does not exist or has ended."""
    with transaction(existing(Settings.read())) as tx:
        if not revoke_token(tx, token, HOST.caller):
            raise NotFound(f"there is no token {token} that is good; `gate token list` shows them")


def _all(conn: Connection) -> Iterator[Token]:
    part = Part(PAGE_ROWS_MAX)
    while True:
        found = tokens.token_page(conn, None, part)
        yield from found.rows
        if found.next is None:
            return
        part = replace(part, after=found.next)


def _member(kind: type[Kind], text: str | None, what: str) -> Kind | None:
    """Return the member of an enumeration that a flag names, or None if the flag is not given."""
    if text is None:
        return None
    try:
        return kind(text)
    except ValueError:
        raise Invalid(f"there is no {what} {text}; {what}s are {', '.join(kind)}") from None


def _name(name: str | None) -> str | None:
    if name is None or (name and len(name) <= TEXT_LENGTH_MAX and name.isprintable()):
        return name
    raise Invalid(f"--name is one line of 1 to {TEXT_LENGTH_MAX} characters")


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
    person = person_named(current_rulebook(tx.conn), asked)
    if person is None:
        raise Invalid(
            f"{asked} is nobody in the catalogue in force; add the address to a person there first"
        )
    return person
