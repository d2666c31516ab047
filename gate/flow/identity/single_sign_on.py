"""Signing in at the identity provider: the browser is sent there, comes back, and its person is
recognised.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta

import orjson

from gate.core.instants import to_us
from gate.core.messages.external import Begun, External
from gate.errors import NotAllowed, NotFound
from gate.flow.entries import append_entry
from gate.flow.gate import Gate
from gate.flow.identity.accounts import account_of, is_somebody, person_at
from gate.flow.identity.sessions import Opened, begin
from gate.flow.ports import SingleSignOn
from gate.flow.rulebooks import Rulebook
from gate.ledger.format import Kind
from gate.storage.database.tx import Tx
from gate.storage.identity import people, sign_ins
from gate.storage.identity.people import Stored

SIGN_IN_MINUTES = 10
"""How long a person may take at the provider."""

CALLBACK = "/login/sso/callback"
START_AGAIN = "this sign-in was not begun in this browser, or took too long; start again"
NOT_ACCEPTED = (
    "the identity provider's answer cannot be accepted; start again, and if it stays so, ask an "
    "admin"
)
NO_ADDRESS = (
    "the identity provider names no verified address, so nobody knows who you are here; ask an "
    "admin"
)
UNKNOWN = (
    "nobody here has the address that the identity provider names; ask an admin to put it into "
    "the catalogue, or to invite you"
)
ANOTHER = (
    "somebody with this address signs in here under another name at the identity provider; ask "
    "an admin"
)
BY = "single sign-on"
SHUT_OUT = "this person may not sign in; ask an admin"


@dataclass(frozen=True, slots=True)
class Started:
    """The address to which the browser is sent, and the sealed text that it keeps meanwhile."""

    url: str
    sealed: str


@dataclass(frozen=True, slots=True)
class NotLetIn:
    """The reason why a person who signed in at the provider may not sign in here."""

    detail: str


async def start(gate: Gate, then: str) -> Started:
    """Begin a sign-in, after which the browser goes to `then`.

    Raises `NotFound` if there is no provider, and `SourceUnavailable`.
    """
    begun = await _provider(gate).begin(gate.base_url + CALLBACK)
    until = to_us(gate.clock() + timedelta(minutes=SIGN_IN_MINUTES))
    return Started(begun.url, _seal(gate, [begun.state, begun.nonce, begun.verifier, then, until]))


@dataclass(frozen=True, slots=True)
class Back:
    """What a browser brings back from the provider, and the network address from which it comes."""

    state: str
    code: str
    issuer: str | None
    source: str


async def finish(gate: Gate, sealed: str | None, back: Back) -> tuple[Opened, str]:
    """Finish a sign-in, and return the new session and the address to which the browser goes.

    Each sign-in can be finished once. Raises `NotAllowed` for another browser, an invalid answer or
    an unknown person, `RateLimited` if too many of these come from one source, and
    `SourceUnavailable`.
    """
    provider = _provider(gate)
    begun, then = _open(gate, sealed) or (None, "")
    if begun is None or not hmac.compare_digest(
        begun.state.encode(), back.state.encode(errors="replace")
    ):
        gate.callbacks.stray(back.source)
        raise NotAllowed(START_AGAIN)
    gate.callbacks.begin(back.source)
    until = gate.clock() + timedelta(minutes=SIGN_IN_MINUTES)
    if not await gate.store.write(sign_ins.use, back.state, until):
        raise NotAllowed(START_AGAIN)
    external = await provider.finish(
        begun, gate.base_url + CALLBACK, back.code, back.issuer, gate.clock()
    )
    if external is None:
        raise NotAllowed(NOT_ACCEPTED)
    entered = await gate.store.write(_enter, await gate.rulebooks.current(), external)
    if isinstance(entered, NotLetIn):
        raise NotAllowed(entered.detail)
    gate.callbacks.succeed(back.source)
    return entered, then


def _provider(gate: Gate) -> SingleSignOn:
    if gate.single_sign_on is None:
        raise NotFound("there is no single sign-on here; sign in with address and password")
    return gate.single_sign_on


def _enter(tx: Tx, book: Rulebook, external: External) -> Opened | NotLetIn:
    """Return a new session for the person, or why there is none.

    People are recognised by the provider's name for them, and the first time by their address.
    """
    name = people.external_id(external.issuer, external.subject)
    account = people.by_external_id(tx.conn, name)
    if account is not None and account.disabled_at is None and not is_somebody(book, account):
        # The person has left the catalogue. Somebody who is in it again has another id.
        people.unbind(tx, account.id)
        account = None
    stored = account or _recognised(tx, book, external, name)
    if isinstance(stored, NotLetIn):
        return stored
    opened = begin(tx, stored.id, book)
    if opened is None:
        return NotLetIn(SHUT_OUT)
    people.claim(tx, opened.person, external.groups)
    return opened


def _recognised(tx: Tx, book: Rulebook, external: External, name: str) -> Stored | NotLetIn:
    """Bind the provider's name to the account of this address, and return the account."""
    if external.email is None:
        return NotLetIn(NO_ADDRESS)
    person = person_at(book, external.email)
    stored = account_of(tx.conn, book, external.email)
    if stored is None and person is not None:
        stored = people.ensure(tx, person, BY)
    if stored is None:
        return NotLetIn(UNKNOWN)
    if not people.bind(tx, stored.id, name):
        return NotLetIn(ANOTHER)
    append_entry(tx, Kind.ROLE, None, person=stored.id, action="bound", by=BY)
    return stored


def _seal(gate: Gate, value: list[object]) -> str:
    body = urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")
    return f"{body}.{_mac(gate, body)}"


def _open(gate: Gate, sealed: str | None) -> tuple[Begun, str] | None:
    """Return the sign-in that this gate sealed and the address to which its browser goes after
    it, or None if the seal is wrong or too old.
    """
    body, _, mac = (sealed or "").partition(".")
    if not hmac.compare_digest(mac.encode(errors="replace"), _mac(gate, body).encode()):
        return None
    state, nonce, verifier, then, until = orjson.loads(
        urlsafe_b64decode(body + "=" * (-len(body) % 4))
    )
    # The address of the provider was needed only to send the browser there.
    begun = Begun(url="", state=state, nonce=nonce, verifier=verifier)
    return (begun, then) if to_us(gate.clock()) < until else None


def _mac(gate: Gate, body: str) -> str:
    return hmac.digest(
        gate.secrets.sessions, b"single sign-on\n" + body.encode(errors="replace"), "sha256"
    ).hex()
