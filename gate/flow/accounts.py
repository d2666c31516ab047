"""Whose account is this? An address is somebody of the catalogue, or somebody outside it who was invited."""

from dataclasses import dataclass

from sqlalchemy import Connection

from gate.flow.endings import tell
from gate.flow.ids import new_id
from gate.flow.rulebooks import Rulebook
from gate.ledger.format import Kind
from gate.storage import people, texts
from gate.storage.people import Stored
from gate.storage.tx import Tx


@dataclass(frozen=True, slots=True)
class Account:
    """A row, and the id by which its owner is known now: another one when the catalogue has learnt of them since."""

    person: str
    stored: Stored


def one_spelling(email: str) -> str:
    """Letter case and blanks around it do not count; `+tags` do: whoever has the one address need not have the other."""
    return email.strip().casefold()


def person_at(book: Rulebook, email: str) -> str | None:
    """The one person of the catalogue who has this very address."""
    spelled = one_spelling(email)
    catalogue = book.catalogue
    found = [one for one in book.identities.people(spelled) if spelled in map(one_spelling, catalogue.people[one].emails)]
    return found[0] if len(found) == 1 else None


def account_of(conn: Connection, book: Rulebook, email: str) -> Account | None:
    """Whoever was let in under this address."""
    known = person_at(book, email)
    stored = None if known is None else people.read(conn, known)
    if stored is None:
        stored = people.by_email(conn, one_spelling(email))
    return None if stored is None else Account(known or stored.id, stored)


def account_made(tx: Tx, book: Rulebook, email: str, by: str) -> Account:
    """The same; for an address that is new here, a new one."""
    found = account_of(tx.conn, book, email)
    if found is not None:
        return found
    known = person_at(book, email)
    if known is not None:
        return Account(known, people.ensure(tx, known, by))
    spelled = one_spelling(email)
    person = new_id("per", tx.now)
    return Account(person, people.ensure(tx, person, by, email=texts.name_ids(tx, [spelled])[spelled]))


def settle_id(tx: Tx, account: Account) -> None:
    """From now on the row has the id that the catalogue gives its owner."""
    before = account.stored.id
    if before == account.person or people.read(tx.conn, before) is None:
        return
    people.move(tx, before, account.person)
    tell(tx, Kind.ROLE, None, person=account.person, action="identified", before=before)


def is_somebody(book: Rulebook, stored: Stored) -> bool:
    """Whether they are in the catalogue, or were invited although they are not."""
    return stored.id in book.catalogue.people or stored.email is not None
