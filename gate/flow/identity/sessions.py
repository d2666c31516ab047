"""Signing in and out, by a password or by another proof of identity."""

from dataclasses import dataclass, field
from datetime import datetime

from gate.core.catalogue.identity import normalised
from gate.errors import Unauthenticated, Unavailable
from gate.flow.gate import Gate
from gate.flow.identity.accounts import account_of, is_somebody, joined
from gate.flow.passwords import is_weak
from gate.flow.rulebooks import Rulebook
from gate.storage.database.tx import Tx
from gate.storage.identity import people, sessions

WRONG = "The address or the password is wrong."
"""One answer for all reasons, because it must not tell who has an account or a password."""

ADDRESS_LENGTH_MAX = 254


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that has just begun. `secret` goes into the cookie and nowhere else."""

    person: str
    secret: str = field(repr=False)
    ends_at: datetime


async def sign_in(gate: Gate, email: str, password: str, *, source: str) -> Opened:
    """Return a new session for the person who knows the password.

    Raises `Unauthenticated`, `RateLimited`, and `Unavailable` when too many try at once.

    An unknown address is checked against a made-up password, so that the time of the answer does
    not tell which addresses have an account.
    """
    address = normalised(email[:ADDRESS_LENGTH_MAX])
    gate.attempts.begin(address, source)
    account = await gate.store.read(
        account_of, await gate.rulebooks.current(), email[:ADDRESS_LENGTH_MAX]
    )
    hashed = account.password if account is not None else None
    try:
        right = await gate.passwords.is_right(password, hashed)
    except Unavailable:
        # The password was not compared, so this was no wrong guess.
        gate.attempts.succeed(address, source)
        raise
    if account is None or hashed is None or not right or account.disabled_at is not None:
        raise Unauthenticated(WRONG)
    gate.attempts.succeed(address, source)
    rehashed = await gate.passwords.hash(password) if is_weak(hashed) else None
    opened = await gate.store.write(
        _open_by_password, account.id, hashed, rehashed, await gate.rulebooks.current()
    )
    if opened is None:
        raise Unauthenticated(WRONG)
    return opened


async def end(gate: Gate, secret: str) -> None:
    """End a session, on every server within a second. Ending it again changes nothing."""
    await gate.store.write(sessions.end, sessions.sha256(secret))


def begin(tx: Tx, person: str, book: Rulebook, *, password: str | None = None) -> Opened | None:
    """Open a new session, and never use one from before the sign-in again (A39).

    None: the person is disabled or unknown by now, or has another password than was checked.
    """
    if not people.signed_in(tx, person, password=password):
        return None
    found = people.read(tx.conn, person)
    stored = None if found is None else joined(tx, book, found)
    if stored is None or not is_somebody(book, stored):
        return None
    new = sessions.open_session(tx, stored.id)
    return Opened(stored.id, new.secret, new.session.ends_at)


def _open_by_password(
    tx: Tx, person: str, hashed: str, rehashed: str | None, book: Rulebook
) -> Opened | None:
    """Open a session if the password hash is still the one that was checked.

    Checking takes long, so it is done without a transaction, and the hash is compared again here.
    """
    opened = begin(tx, person, book, password=hashed)
    if opened is not None and rehashed is not None:
        people.keep_rehashed(tx, opened.person, rehashed)
    return opened
