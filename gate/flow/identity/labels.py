"""The names by which readers know people, whose records hold only random ids."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from gate.core.catalogue.catalogue import Catalogue
from gate.flow.caller import PERSON
from gate.flow.gate import Gate
from gate.flow.rulebooks import Rulebook
from gate.storage import texts
from gate.storage.identity import persons, tokens

TOKEN = "token:"  # noqa: S105 - the beginning of a name, no secret
"""The beginning of the name of a caller that is a token."""

_ID_SHOWN = 4


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

    A person by the label, a token by its name, all others as they are.
    """
    wanted = dict.fromkeys(callers)
    known = labels(conn, catalogue, [caller.removeprefix(PERSON) for caller in wanted])
    ids = [caller.removeprefix(TOKEN) for caller in wanted if caller.startswith(TOKEN)]
    names = token_names(conn, ids)
    return {caller: _called(caller, known, names) for caller in wanted}


async def callers_shown(gate: Gate, callers: Iterable[str]) -> Mapping[str, str]:
    """Return the labels of callers for a page that does not read the database itself."""
    catalogue = gate.rulebooks.latest.catalogue
    return await gate.store.read(callers_named, catalogue, list(callers))


def token_names(conn: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Return the name of each of these tokens that has one."""
    kept = tokens.named(conn, list(ids))
    said = texts.read_texts(conn, [one.name for one in kept if one.name])
    return {one.id: said[one.name] for one in kept if one.name in said}


def nameless(token: str) -> str:
    """Return the words for a token without a name: enough of its id to find it in the list."""
    return f"a token without a name ({token[:_ID_SHOWN]}…)"


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


def _called(caller: str, known: Mapping[str, str], names: Mapping[str, str]) -> str:
    if not caller.startswith(TOKEN):
        return known[caller.removeprefix(PERSON)]
    token = caller.removeprefix(TOKEN)
    return f"token {names[token]}" if token in names else nameless(token)
