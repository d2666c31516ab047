"""API tokens: those of a role, which admins make, and personal ones, which people make only for
themselves.
"""

from collections.abc import Mapping
from functools import partial

from sqlalchemy import Connection

from gate.errors import Invalid, NotAllowed, NotFound
from gate.flow.answers.person import TokenAnswer, TokenMadeAnswer
from gate.flow.caller import Caller, HookKind, Machine, Person, Role, root_person
from gate.flow.commands import Page, Part, TokenCommand
from gate.flow.entries import append_entry, check_names
from gate.flow.gate import Gate
from gate.flow.identity.accounts import person_named
from gate.flow.lists import FIRST_PAGE, Whole, one_page
from gate.ledger.format import Kind
from gate.storage import texts
from gate.storage.database import pages
from gate.storage.database.tx import Tx
from gate.storage.identity import tokens
from gate.storage.identity.tokens import Maker, Token, Wanted

TOKENS_OF_A_PERSON_MAX = 50
"""The most personal tokens of one person. Expired ones count until they are revoked."""

CHAIN_MAX = 8
"""The most tokens in a chain in which each was made with the one before."""


async def create(gate: Gate, command: TokenCommand, by: Caller) -> TokenMadeAnswer:
    """Make a token, and return it with its text, which is kept nowhere.

    Raises `NotAllowed` unless an admin makes a token of a role, or a person a personal one of their
    own. Raises `Invalid` for a person who is not known.
    """
    person = None
    if command.person is None:
        _require_admin(by)
    else:
        person = person_named(await gate.rulebooks.current(), command.person)
        person = _require_oneself(
            by,
            person or (by.id if isinstance(by, Person) and by.id == command.person else None),
            command.person,
        )
        await gate.store.read(_require_fewer_tokens, person)
    created = await gate.store.write(make_token, command, person, maker(by))
    return TokenMadeAnswer(created.token.id, created.text)


async def listing(gate: Gate, by: Caller, part: Part = FIRST_PAGE) -> Page[TokenAnswer]:
    """Return a page of all tokens, or of a caller's own for people who are no admins, newest first.

    They are without their secrets, which are kept nowhere.
    """
    owner = _owner(by)
    return await one_page(gate, Whole("tokens", owner), part, by, partial(_page, owner))


async def revoke(gate: Gate, token_id: str, by: Caller) -> None:
    """Revoke a token, which takes effect on every server within a second.

    Raises `NotFound`, also for one that was revoked before.
    """
    owner = _owner(by)
    kept = None if owner is None else await gate.store.read(tokens.find, token_id)
    foreign = owner is not None and (kept is None or kept.token.person != owner)
    if foreign or not await gate.store.write(revoke_token, token_id, by.caller):
        raise NotFound(f"there is no token {token_id[:64]} that is good")


def maker(by: Caller) -> Maker:
    """Return the caller as the maker of a token."""
    token = by.id if isinstance(by, Machine) else by.token if isinstance(by, Person) else None
    return Maker(by.caller, root_person(by), token)


def make_token(tx: Tx, command: TokenCommand, person: str | None, by: Maker) -> tokens.Created:
    """Make a token and its ledger entry, in one transaction."""
    check_names(*(command.services or ()))
    _require_short_chain(tx.conn, by)
    role = command.role.value if command.role else None
    hook = command.hook.value if command.hook else None
    created = tokens.create(
        tx, by, Wanted(role, person, command.services, hook, command.expires_at, command.name)
    )
    append_entry(
        tx,
        Kind.TOKEN,
        None,
        token=created.token.id,
        action="created",
        by=by.caller,
        root=created.token.root,
        role=role,
        person=person,
        services=None if command.services is None else sorted(command.services),
        hook=hook,
        name=created.token.name,
    )
    return created


def revoke_token(tx: Tx, token_id: str, by: str) -> bool:
    """Revoke a token and write the ledger entry. False: it is not valid anyway."""
    if not tokens.revoke(tx, token_id):
        return False
    append_entry(tx, Kind.TOKEN, None, token=token_id, action="revoked", by=by)
    return True


def _require_admin(by: Caller) -> None:
    if isinstance(by, Machine | Person) and by.role is Role.ADMIN:
        return
    raise NotAllowed("you may make personal tokens of your own; an admin makes those of a role")


def _require_oneself(by: Caller, person: str | None, asked: str) -> str:
    """Return the person, who must be the caller.

    With a token of another person somebody could act as two people.
    """
    if isinstance(by, Person) and person == by.id:
        return by.id
    if person is None and isinstance(by, Person):
        raise Invalid(
            f"{asked[:100]} is nobody in the catalogue; a personal token is for yourself, "
            "by your id or address"
        )
    raise NotAllowed(
        "a personal token is made by the person alone: sign in as that person, and make it "
        "on the page Administration"
    )


def _require_short_chain(conn: Connection, by: Maker) -> None:
    """Raise `Invalid` if the chain of tokens is too long: each use of a token reads all of it."""
    before, length = by.token, 0
    while before is not None:
        length += 1
        if length > CHAIN_MAX:
            raise Invalid(
                f"this token was made with a token, and so on, {CHAIN_MAX} times; sign in, "
                "and make a new one"
            )
        kept = tokens.find(conn, before)
        before = None if kept is None else kept.token.made_with


def _owner(by: Caller) -> str | None:
    """Return the person whose tokens the caller may see; None for an admin, who sees all."""
    if isinstance(by, Person) and by.role is not Role.ADMIN:
        return by.id
    return None


def _page(owner: str | None, conn: Connection, part: pages.Part) -> pages.Page[TokenAnswer]:
    found = tokens.token_page(conn, owner, part)
    said = texts.read_texts(conn, [one.name for one in found.rows if one.name])
    return pages.Page(tuple(_answer(one, said) for one in found.rows), found.next)


def _require_fewer_tokens(conn: Connection, person: str) -> None:
    good = tokens.count_good(conn, person)
    if good >= TOKENS_OF_A_PERSON_MAX:
        raise Invalid(
            f"you have {good} tokens that are not revoked, at most {TOKENS_OF_A_PERSON_MAX} "
            "are allowed; revoke one first"
        )


def _answer(token: Token, said: Mapping[str, str]) -> TokenAnswer:
    return TokenAnswer(
        id=token.id,
        role=Role(token.role) if token.role else None,
        person=token.person,
        services=None if token.services is None else tuple(sorted(token.services)),
        hook=HookKind(token.hook) if token.hook else None,
        name=said.get(token.name or ""),
        created_at=token.created_at,
        created_by=token.created_by,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
        last_used_at=token.last_used_at,
    )
