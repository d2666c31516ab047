"""Whose account is this?

An address is somebody of the catalogue, or somebody outside it who was invited.
"""

from sqlalchemy import Connection

from gate.flow.changes.endings import tell
from gate.flow.ids import new_id
from gate.flow.rulebooks import Rulebook
from gate.ledger.format import Kind
from gate.storage import texts
from gate.storage.database.tx import Tx
from gate.storage.identity import people
from gate.storage.identity.people import Stored


def one_spelling(email: str) -> str:
    """Letter case and blanks around it do not count; `+tags` do: whoever has the one address need
    not have the other.
    """
    return email.strip().casefold()


def person_at(book: Rulebook, email: str) -> str | None:
    """The one person of the catalogue who has this very address."""
    spelled = one_spelling(email)
    catalogue = book.catalogue
    found = [
        one
        for one in book.identities.people(spelled)
        if spelled in map(one_spelling, catalogue.people[one].emails)
    ]
    return found[0] if len(found) == 1 else None


def account_of(conn: Connection, book: Rulebook, email: str) -> Stored | None:
    """Whoever was let in under this address."""
    known = person_at(book, email)
    stored = None if known is None else people.read(conn, known)
    return stored or people.by_email(conn, one_spelling(email))


def account_made(tx: Tx, book: Rulebook, email: str, by: str) -> Stored:
    """Return the account of an address; for an address that is new here, a new one."""
    found = account_of(tx.conn, book, email)
    if found is not None:
        return settled(tx, book, found)
    known = person_at(book, email)
    if known is not None:
        return people.ensure(tx, known, by)
    spelled = one_spelling(email)
    return people.ensure(
        tx, new_id("per", tx.now), by, email=texts.name_ids(tx, [spelled])[spelled]
    )


def settled(tx: Tx, book: Rulebook, stored: Stored) -> Stored:
    """The row under the id that the catalogue gives its owner, if it has learnt of them since they
    were let in.
    """
    if stored.email is None:
        return stored
    known = person_at(book, texts.read_texts(tx.conn, [stored.email]).get(stored.email, ""))
    if known is None or people.read(tx.conn, known) is not None:
        return stored
    people.move(tx, stored.id, known)
    tell(tx, Kind.ROLE, None, person=known, action="identified", before=stored.id)
    return people.ensure(tx, known, stored.id)


def is_somebody(book: Rulebook, stored: Stored) -> bool:
    """Whether they are in the catalogue, or were invited although they are not."""
    return stored.id in book.catalogue.people or stored.email is not None
