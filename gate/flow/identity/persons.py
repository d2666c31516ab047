"""Activation of a catalogue: who in it is the same person as before, who is new, and
who has left.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from sqlalchemy import Connection

from gate.core.catalogue import record as catalog_record
from gate.core.catalogue.catalogue import Catalogue, Person
from gate.core.catalogue.continuity import continuity
from gate.core.catalogue.identity import hosted
from gate.flow.caller import PERSON, Caller
from gate.flow.entries import append_entry
from gate.ledger.format import Kind
from gate.storage import texts
from gate.storage.database.tx import Tx
from gate.storage.identity import people, persons

NewPersonId: TypeAlias = Callable[[str], str]
"""Returns the id of a new person. Only tests use the key that it is given."""

Tree: TypeAlias = Mapping[str, Any]
"""A catalogue as it is stored."""


def restored(
    conn: Connection, tree: Tree, *, is_in_force: bool
) -> tuple[Catalogue, dict[str, str]]:
    """Return a stored catalogue, and its texts by their ids.

    People have their own ids only in the catalogue in force. In any other one the id is that of the
    key's text.
    """
    names = texts.read_texts(conn, catalog_record.stand_ins(tree))
    if is_in_force:
        ids, former = persons.in_force(conn), persons.former(conn)
        return catalog_record.restored(tree, names.get, ids, former), names
    return catalog_record.restored(tree, names.get, {}), names


def pass_on(tx: Tx, before: Tree | None, after: Tree, new_id: NewPersonId) -> None:
    """Give everybody in the catalogue `after`, which comes into force, the id that belongs to them.

    People who are no longer in it are signed out, and nobody gets their ids again.
    """
    ids = persons.in_force(tx.conn)
    entries = before["people"] if before is not None else {}
    former = _people(tx.conn, before) if before is not None else {}
    here = _people(tx.conn, after)
    found = continuity(former, here)
    for key in former.keys() - set(found.kept.values()):
        _leave(tx, ids[key], entries[key])
    now = {key: ids[old] for key, old in found.kept.items()}
    persons.rename(tx, {person: key for key, person in now.items() if ids.get(key) != person})
    accounts = people.outside(tx.conn)
    new = {
        key: _entering(tx, person, accounts, new_id)
        for key, person in here.items()
        if key not in now
    }
    persons.begin(tx, {person: key for key, person in new.items()})
    now.update(new)
    for key, person in here.items():
        for account in _accounts(person, accounts):
            if account != now[key]:
                join(tx, account, now[key])
    for key, heir in found.merged.items():
        _merge(tx, ids[key], now[heir])
    _recognise(tx, {now[key]: person for key, person in here.items()})


def join(tx: Tx, account: str, person: str) -> None:
    """Join an account to the person of the catalogue who has its address now.

    Whatever the account did counts as done by that person, so the two cannot act as two people.
    """
    people.join(tx, account, person)
    _merge(tx, account, person)


def is_same_person(conn: Connection, root: str, by: Caller) -> bool:
    """Return whether the person behind `by` is the person behind `root`, under any of their ids."""
    return _merged_root(conn, root) == _merged_root(conn, by.root)


def _merged_root(conn: Connection, root: str) -> str:
    person = root.removeprefix(PERSON)
    if person == root:
        return root
    return f"{PERSON}{persons.merged(conn, person)}"


def _people(conn: Connection, tree: Tree) -> Mapping[str, Person]:
    return restored(conn, tree, is_in_force=False)[0].people


def _leave(tx: Tx, person: str, entry: persons.Entry) -> None:
    persons.end(tx, person, entry)
    people.sign_out(tx, person)
    append_entry(tx, Kind.ROLE, None, person=person, action="left")


def _recognise(tx: Tx, here: Mapping[str, Person]) -> None:
    """Find out who of these people left some catalogue before, and store that it is one person.

    They get nothing of what they had. But whatever they did then counts as done by them, or leaving
    and coming back would make two people of one. Where the identities of somebody who left lead to
    several people, it is the one with the most of them, because somebody has to be excluded.
    """
    owners: dict[str, str] = {}
    for person, known in here.items():
        owners.update(dict.fromkeys(hosted(known), person))
    gone = persons.left(tx.conn)
    stand_ins = catalog_record.stand_ins({"people": gone})
    names = texts.read_texts(tx.conn, stand_ins)
    for person, entry in gone.items():
        known = catalog_record.restored_person(entry, names.get, person)
        heirs = Counter(owners[one] for one in hosted(known) if one in owners)
        if heirs:
            ((heir, _),) = heirs.most_common(1)
            _merge(tx, person, heir)


def _entering(tx: Tx, person: Person, accounts: Mapping[str, str], new_id: NewPersonId) -> str:
    """Return the id of a person who enters the catalogue: that of the account with one of their
    addresses, or a new one.
    """
    account = next(iter(_accounts(person, accounts)), None)
    if account is None:
        return new_id(person.key)
    people.enter(tx, account)
    return account


def _accounts(person: Person, accounts: Mapping[str, str]) -> list[str]:
    """Return accounts from outside the catalogue that have an address of this person."""
    addresses = dict.fromkeys(email.strip().casefold() for email in person.emails)
    return [accounts[address] for address in addresses if address in accounts]


def _merge(tx: Tx, gone: str, into: str) -> None:
    persons.merge(tx, gone, into)
    append_entry(tx, Kind.ROLE, None, person=gone, action="merged", into=into)
