"""A person is erased: their name, addresses and logins, wherever they stand, and their account.

The record of what they did stays, under the random id that stood for them, and with it the proof
that nobody approved their own change. So three things keep an erasure from becoming a way around
separation of duties:

- Nobody is erased while a change that names them is open, or its review is owed.
- A name that was erased may have been anybody's: where it matters later, for a commit that they
  pushed or a change that was rejected, one approver alone is not enough (`ERASED`).
- Whoever comes back gets another random id, and no act of the former one.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import orjson
from sqlalchemy import Connection

from gate.core.catalogue import record as catalog_record
from gate.core.catalogue.catalogue import ERASED, Person
from gate.core.catalogue.identity import account_in, account_numbers, hosted, keys, normalised
from gate.core.decision import record as records
from gate.core.rulebook.bundle import CATALOGUE_FILE
from gate.errors import Conflict, Invalid, NotFound
from gate.flow.changes import excluded
from gate.flow.entries import append_entry
from gate.flow.identity.accounts import one_spelling
from gate.flow.ids import PERSON_ID
from gate.flow.rulebooks import Rulebook
from gate.ledger.format import Kind
from gate.storage import texts
from gate.storage.changes import changes, decisions
from gate.storage.database.tx import Tx
from gate.storage.identity import people, persons
from gate.storage.policies import policy_sets
from gate.storage.policies.policy_sets import InForce
from gate.storage.privacy import erase as erasing
from gate.storage.privacy import whose
from gate.storage.texts import read_texts

NAME_LENGTH_MIN = 3
"""A shorter text would be found in words that name nobody."""

COMMAND_LINE = "command line"
OPEN_SHOWN = 5

Entry: TypeAlias = tuple[str, Person]
"""A person of one catalogue, after the id of the text of their key."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whoever is erased: every spelling that says who they are, and their random ids.

    `keys` are the spellings in their one form, logins also with their host, as tokens name them.
    `accounts` are their accounts by number, which other logins may name, too.
    """

    spellings: tuple[str, ...]
    keys: frozenset[str]
    accounts: frozenset[str]
    persons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Erasure:
    """The traces that an erasure removes, and the columns where the name remains.

    `undelivered` counts, by receiver, the messages among them that nobody got yet. `in_force` is
    the policy set whose catalogue was looked at.
    """

    subject: Subject
    found: whose.Traces
    undelivered: Mapping[str, int]
    accounts: int
    remnants: tuple[whose.Remnant, ...]
    in_force: InForce | None


def plan(conn: Connection, book: Rulebook, named: str) -> Erasure:
    """Return what erasing somebody would remove, and what would remain; nothing is changed.

    `named` is any address or login of theirs, the key of the catalogue, or a random id. Raises
    `NotFound`, `Invalid` where it may be several people, and `Conflict` while they are in the
    catalogue, or named for a change that is open.
    """
    return look(conn, book, _subject(conn, named.strip()))


def look(conn: Connection, book: Rulebook, subject: Subject) -> Erasure:
    """Return what erasing somebody who was found before would remove, as `plan` does.

    This reads everything there is, so nobody should have to wait for it: a transaction that writes
    looks no further than `confirm`.
    """
    says = _says(subject)
    _require_nothing_open(conn, book, subject, says)
    found = whose.traces(conn, says, _protected(conn))
    return Erasure(
        subject,
        found,
        erasing.undelivered(conn, found),
        erasing.accounts(conn, subject.persons),
        tuple(whose.remnants(conn, says, found.texts)),
        policy_sets.in_force(conn),
    )


def confirm(tx: Tx, book: Rulebook, planned: Erasure) -> None:
    """Require that what was found before this transaction may still be erased.

    Raises `Conflict` if a change that is open names the person by now, or another catalogue is in
    force, which may have them in it.
    """
    if policy_sets.in_force(tx.conn) != planned.in_force:
        raise Conflict(
            "another policy set came into force while everything was looked through; nothing was "
            "erased, so try again"
        )
    _require_nothing_open(tx.conn, book, planned.subject, _says(planned.subject))


def carry_out(tx: Tx, planned: Erasure) -> None:
    """Erase what was planned, and append the entry of it to the ledger."""
    erasing.erase(tx, planned.found, planned.subject.persons)
    rows = {"texts": len(planned.found.texts), "copies": len(planned.found.copies)}
    if planned.undelivered:
        rows["undelivered"] = sum(planned.undelivered.values())
    append_entry(
        tx,
        Kind.ERASURE,
        None,
        rows=rows,
        persons=list(planned.subject.persons) or None,
        by=COMMAND_LINE,
    )


def _subject(conn: Connection, named: str) -> Subject:
    if len(named) < NAME_LENGTH_MIN:
        raise Invalid(f"{named!r} is too short to be looked for; give an address or a login")
    life = _life(_entries(conn, policy_sets.catalogues(conn, CATALOGUE_FILE)), conn, named)
    if not life.isdisjoint(_entries(conn, _in_force(conn))):
        raise Conflict(
            f"{named} is in the catalogue that is in force; take them out of catalog.yaml first, "
            "or every start would bring the name back"
        )
    spellings = {text for _, person in life for text in _spellings(person)}
    stored = people.read(conn, named)
    if stored is not None and stored.email is not None:
        spellings.update(read_texts(conn, [stored.email]).values())
    if not named.startswith(PERSON_ID):
        spellings.add(named)
    if not spellings:
        raise NotFound(f"nobody here has the id {named[:64]}, or their name is erased already")
    accounts = [people.by_email(conn, one_spelling(text)) for text in spellings]
    ids = [
        *([named] if named.startswith(PERSON_ID) else []),
        *persons.ended_under(conn, {key for key, _ in life}),
        *(one.id for one in accounts if one is not None),
    ]
    known_as = {normalised(one) for one in spellings}
    known_as.update(key for _, person in life for key in keys(person))
    numbered = frozenset(one for _, person in life for one in account_numbers(person))
    known_as.discard("")
    return Subject(
        tuple(sorted(spellings)), frozenset(known_as), numbered, tuple(dict.fromkeys(ids))
    )


def _life(entries: Collection[Entry], conn: Connection, named: str) -> frozenset[Entry]:
    """Return all entries of the one person who is meant, from every catalogue there ever was.

    Entries that share an address or login are one person, as from one catalogue to the next.
    Raises `Invalid` if several people are meant.
    """
    mine = set(persons.keys_of(conn, [named]).values())
    meant = [
        (key, person)
        for key, person in entries
        if key in mine or named == person.key or normalised(named) in keys(person)
    ]
    life: set[Entry] = set(meant[:1])
    identities = {one for _, person in life for one in hosted(person)}
    keyed = {key for key, _ in life}
    growing = True
    while growing:
        found = {
            (key, person)
            for key, person in entries
            if not identities.isdisjoint(hosted(person))
            or (key in keyed and not (identities and hosted(person)))
        }
        growing = not found <= life
        life |= found
        identities.update(one for _, person in found for one in hosted(person))
    if others := sorted({person.key for key, person in meant if (key, person) not in life}):
        raise Invalid(
            f"{named} may be several people ({meant[0][1].key}, {', '.join(others)}); give an "
            "address of theirs"
        )
    return frozenset(life)


def _entries(conn: Connection, catalogues: Iterable[str]) -> frozenset[Entry]:
    """Return every person of these catalogues, with the id of the text of the key."""
    found: set[Entry] = set()
    for tree in map(orjson.loads, catalogues):
        names = read_texts(conn, catalog_record.stand_ins(tree))
        found.update(catalog_record.restored(tree, names.get, {}).people.items())
    return frozenset(found)


def _in_force(conn: Connection) -> tuple[str, ...]:
    active = policy_sets.in_force(conn)
    if active is None:
        return ()
    return (policy_sets.existing(conn, active.policy_set).files[CATALOGUE_FILE],)


def _spellings(person: Person) -> Iterator[str]:
    logins = (*person.github, *person.gitlab)
    texts_of = (person.key, person.name, *person.emails, *logins, *map(normalised, logins))
    for text in (*texts_of, person.slack or ""):
        if text and text != ERASED:
            yield text


def _says(subject: Subject) -> whose.Says:
    """Return a test of texts: is it one of the spellings, or does it mention one?

    A word alone, such as a first name, is only looked for as the whole text, because in a sentence
    it may be anybody's, unless it has a digit or a sign in it as logins have.
    """
    spellings = [one for one in subject.spellings if len(one) >= NAME_LENGTH_MIN]
    mentioned = [one for one in spellings if not one.isalpha()]
    words = "|".join(re.escape(one) for one in sorted(mentioned, key=len, reverse=True))
    mention = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE) if words else None

    def says(text: str) -> bool:
        return (
            normalised(text) in subject.keys
            or account_in(text) in subject.accounts
            or (mention is not None and bool(mention.search(text)))
        )

    return says


def _protected(conn: Connection) -> frozenset[str]:
    """Return the ids of all texts that the catalogue in force consists of."""
    return frozenset(
        one for tree in _in_force(conn) for one in catalog_record.stand_ins(orjson.loads(tree))
    )


def _require_nothing_open(
    conn: Connection, book: Rulebook, subject: Subject, says: whose.Says
) -> None:
    """Raise `Conflict` while somebody may still have to know that this person took part.

    So no name of an open change is ever erased, however it is written.
    """
    ids = frozenset(subject.persons)
    still_open = changes.open_or_owed(conn)
    named = [one for one in still_open if _takes_part(conn, book, one, says, ids)]
    if named:
        shown = ", ".join(named[:OPEN_SHOWN])
        raise Conflict(
            f"changes that are open, or whose review is owed, name this person ({len(named)}): "
            f"{shown}; let them end first, or cancel them, because without the name nobody would "
            "know who may not approve them"
        )


def _takes_part(
    conn: Connection, book: Rulebook, change: str, says: whose.Says, ids: frozenset[str]
) -> bool:
    stored = changes.existing(conn, change)
    record = records.read(decisions.record(conn, change, stored.decision))
    asked = record.asked
    said = texts.read_texts(conn, [asked.requested_by, *asked.authors, *asked.actor])
    names = excluded.names_of_many(conn, [record], said, book)[change]
    taking_part = excluded.people_now(record, names, book).excluded
    if not ids.isdisjoint(taking_part):
        return True
    return any(says(one) for one in (*names.asked, *names.wrote))
