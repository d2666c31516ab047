"""Tokens: those of one change, made from a secret and stored nowhere, and the API tokens that an
admin makes.
"""

import hmac
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta

from sqlalchemy import Connection

from gate.core.change import FINAL
from gate.errors import Invalid, NotAllowed, NotFound
from gate.flow.answers.wire import instant
from gate.flow.asks import Page, Part, TokenAsk, Wire
from gate.flow.caller import Caller, ChangeHolder, Person, Role
from gate.flow.changes.endings import check_names, tell
from gate.flow.gate import Gate
from gate.flow.lists import FIRST_PAGE, one_page
from gate.ledger.format import Kind
from gate.storage.changes import changes
from gate.storage.changes.changes import StoredChange
from gate.storage.database import pages
from gate.storage.database.tx import Tx
from gate.storage.identity import tokens
from gate.storage.identity.tokens import Token, TokenQuery

PREFIX = "gatec_"
GOOD_AFTER_THE_END = timedelta(hours=24)
TOKENS_OF_A_PERSON_MAX = 50
"""Expired ones count, too, until they are revoked."""


def change_token(secret: bytes, change: str) -> str:
    """Good for this change alone: read, admit, close, cancel.

    The same change always has the same token.
    """
    seal = hmac.new(
        secret, change.encode(), "sha256"
    ).digest()  # `hmac.digest` would let another thread in
    return f"{PREFIX}{change.removeprefix('chg_')}_{urlsafe_b64encode(seal).decode().rstrip('=')}"


async def holder(gate: Gate, token: str) -> ChangeHolder | None:
    """Whoever shows the token of a change; None for any other text, and from 24 hours after the
    change's final state.
    """
    change = "chg_" + token.removeprefix(PREFIX).partition("_")[0]
    if not hmac.compare_digest(
        _plain(token), _plain(change_token(gate.secrets.change_tokens, change))
    ):
        return None
    stored = await gate.store.read(changes.read, change)
    if stored is None or _over(stored, gate.clock()):
        return None
    return ChangeHolder(change, stored.caller)


async def create(gate: Gate, ask: TokenAsk, by: Caller) -> Wire:
    """A new token, whose text is shown this once.

    Raises `Invalid` for a person whom the catalogue lacks.

    An admin makes any, everybody else personal ones of their own: `NotAllowed`.
    """
    book = await gate.rulebooks.current()
    person = None
    if ask.person is not None:
        person = (
            ask.person
            if ask.person in book.catalogue.people
            else book.identities.person(ask.person)
        )
        if person is None:
            raise Invalid(
                f"{ask.person[:100]} is nobody in the catalogue; add the address to a "
                "person there first"
            )
    owner = _owner(by)
    if owner is not None and person != owner:
        raise NotAllowed("you may make personal tokens of your own; an admin makes all others")
    if owner is not None:
        await gate.store.read(_require_room, owner)
    created = await gate.store.write(make_token, ask, person, by.caller)
    return {"id": created.token.id, "token": created.text}


async def listing(gate: Gate, by: Caller, part: Part = FIRST_PAGE) -> Page[Wire]:
    """A page of all tokens, or for people who are no admins of their own, newest first, without
    what makes them work.
    """
    return await one_page(gate, TokenQuery(_owner(by), part.begins, part.ends), part, by, _page)


async def revoke(gate: Gate, token_id: str, by: Caller) -> None:
    """Good for nothing from now on, everywhere within a second.

    Raises `NotFound`; again is the same.
    """
    owner = _owner(by)
    kept = None if owner is None else await gate.store.read(tokens.find, token_id)
    foreign = owner is not None and (kept is None or kept.token.person != owner)
    if foreign or not await gate.store.write(revoke_token, token_id, by.caller):
        raise NotFound(f"there is no token {token_id[:64]} that is good")


def make_token(tx: Tx, ask: TokenAsk, person: str | None, by: str) -> tokens.Created:
    """The token and its entry in the ledger, in one transaction."""
    check_names(*(ask.services or ()))
    role = ask.role.value if ask.role else None
    created = tokens.create(
        tx,
        created_by=by,
        role=role,
        person=person,
        services=ask.services,
        expires_at=ask.expires_at,
    )
    services = None if ask.services is None else sorted(ask.services)
    tell(
        tx,
        Kind.TOKEN,
        None,
        token=created.token.id,
        action="created",
        by=by,
        role=role,
        person=person,
        services=services,
    )
    return created


def revoke_token(tx: Tx, token_id: str, by: str) -> bool:
    """Its end and the entry of it; False for one that is not good."""
    if not tokens.revoke(tx, token_id):
        return False
    tell(tx, Kind.TOKEN, None, token=token_id, action="revoked", by=by)
    return True


def _owner(by: Caller) -> str | None:
    """Whose tokens these are at most; None for an admin, whose are all."""
    return by.id if isinstance(by, Person) and by.role is not Role.ADMIN else None


def _page(conn: Connection, query: TokenQuery, part: pages.Part) -> pages.Page[Wire]:
    found = tokens.token_page(conn, query, part)
    return pages.Page(tuple(map(_view, found.rows)), found.next)


def _require_room(conn: Connection, person: str) -> None:
    good = tokens.count_good(conn, person)
    if good >= TOKENS_OF_A_PERSON_MAX:
        raise Invalid(
            f"you have {good} tokens that are not revoked, at most {TOKENS_OF_A_PERSON_MAX} "
            "are allowed; revoke one first"
        )


def _plain(text: str) -> bytes:
    return text.encode(errors="replace")


def _over(stored: StoredChange, now: datetime) -> bool:
    if stored.state_at(now) not in FINAL:
        return False
    # one that was refused at once, or whose expiry is not written yet, has no other time
    ended = stored.ended_at or stored.expires_at or stored.valid_until or stored.decided_at
    return now - ended > GOOD_AFTER_THE_END


def _view(token: Token) -> Wire:
    return {
        "id": token.id,
        "role": token.role,
        "person": token.person,
        "services": None if token.services is None else sorted(token.services),
        "created_at": instant(token.created_at),
        "created_by": token.created_by,
        "expires_at": instant(token.expires_at),
        "revoked_at": instant(token.revoked_at),
        "last_used_at": instant(token.last_used_at),
    }
