"""The names by which readers know people, whose records hold only random ids."""

from collections.abc import Iterable

from sqlalchemy import Connection

from gate.core.catalogue.catalogue import Catalogue
from gate.flow.caller import PERSON
from gate.flow.rulebooks import Rulebook
from gate.storage import texts
from gate.storage.identity import persons


def labels(conn: Connection, catalogue: Catalogue, people: Iterable[str]) -> dict[str, str]:
    """Return a label for each of these ids.

    It is the name, or the key of a person who has left the catalogue, or the id if nothing else is
    known.
    """
    wanted = dict.fromkeys(people)
    found = {person: catalogue.label_of(person) for person in wanted}
    gone = [person for person in wanted if person not in catalogue.people]
    if gone:
        keys = persons.keys_of(conn, gone)
        known = texts.read_texts(conn, keys.values())
        found.update((person, known[key]) for person, key in keys.items() if key in known)
    return found


def callers_named(conn: Connection, catalogue: Catalogue, callers: Iterable[str]) -> dict[str, str]:
    """Return the labels of callers, as entries and rows name them.

    A person by the label, a token as one, all others as they are.
    """
    wanted = dict.fromkeys(callers)
    known = labels(conn, catalogue, [caller.removeprefix(PERSON) for caller in wanted])
    return {caller: _called(caller, known) for caller in wanted}


def requester(book: Rulebook, asked: str) -> str:
    """Return the name of the requester if the catalogue knows the address, or else the address.

    An address that only looks like a person's, or that several people share, stays as it is,
    because a reader must not take a stranger for a colleague.
    """
    if not asked:
        return ""
    named = book.identities.excluded([asked])
    if named.strangers or named.shared or len(named.people) != 1:
        return asked
    (person,) = named.people
    return book.catalogue.label_of(person)


def _called(caller: str, known: dict[str, str]) -> str:
    kind, _, name = caller.partition(":")
    if kind == "token":
        return f"token {name}"
    return known[caller.removeprefix(PERSON)]
