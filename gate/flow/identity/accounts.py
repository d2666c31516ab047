"""The account of an address. An address belongs to a person of the catalogue, or to one outside it
who was invited.
"""

from sqlalchemy import Connection

from gate.flow.identity.persons import join
from gate.flow.ids import new_person_id
from gate.flow.rulebooks import Rulebook
from gate.storage import texts
from gate.storage.database.tx import Tx
from gate.storage.identity import people
from gate.storage.identity.people import Stored


def one_spelling(email: str) -> str:
    """Return an address in one spelling: without blanks around it, and in lower case.

    `+tags` stay, because two addresses that differ by one may belong to two people.
    """
    return email.strip().casefold()


def person_at(book: Rulebook, email: str) -> str | None:
    """Return the one person of the catalogue who has this very address, or None."""
    spelled = one_spelling(email)
    catalogue = book.catalogue
    found = [
        one
        for one in book.identities.people(spelled)
        if spelled in map(one_spelling, catalogue.people[one].emails)
    ]
    return found[0] if len(found) == 1 else None


def person_named(book: Rulebook, text: str) -> str | None:
    """Return the one person of the catalogue with this id, key or identity, or None."""
    catalogue = book.catalogue
    if text in catalogue.people:
        return text
    return catalogue.person_keyed(text) or book.identities.person(text)


def account_of(conn: Connection, book: Rulebook, email: str) -> Stored | None:
    """Return the account of an address, or None."""
    person = person_at(book, email)
    stored = None if person is None else people.read(conn, person)
    return stored or people.by_email(conn, one_spelling(email))


def account_made(tx: Tx, book: Rulebook, email: str, by: str) -> Stored:
    """Return the account of an address; for an address that is new here, a new one."""
    found = account_of(tx.conn, book, email)
    if found is not None:
        return joined(tx, book, found)
    person = person_at(book, email)
    if person is not None:
        return people.ensure(tx, person, by)
    spelled = one_spelling(email)
    return people.ensure(tx, new_person_id(), by, email=texts.name_ids(tx, [spelled])[spelled])


def joined(tx: Tx, book: Rulebook, stored: Stored) -> Stored:
    """Return the account, joined to the person of the catalogue if that has the address by now.

    The activation of a catalogue joins accounts, too; this one may have been made at the same
    moment.
    """
    if stored.email is None:
        return stored
    person = person_at(book, texts.read_texts(tx.conn, [stored.email]).get(stored.email, ""))
    if person is None:
        return stored
    join(tx, stored.id, person)
    return people.ensure(tx, person, stored.id)


def is_somebody(book: Rulebook, stored: Stored) -> bool:
    """Return whether the account's person is in the catalogue, or was invited from outside it."""
    return stored.id in book.catalogue.people or stored.email is not None
