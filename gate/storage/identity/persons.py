"""The random ids of people in catalogues, by the keys under which catalogues name them.

A key may later be given to another person, who gets another id. So an id ends when its person
leaves the catalogue, and no id is used twice. Of a key only the id of its text is kept, because the
text can be erased.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection, exists, insert, or_, select, update

from gate.storage.database.tx import Tx
from gate.storage.database.upsert import insert_new
from gate.storage.tables.schema_people import catalogue_people, merged_people

Entry: TypeAlias = Mapping[str, Any]
"""A person as a stored catalogue describes them, with ids of texts."""

_PEOPLE = catalogue_people.c
_MERGED = merged_people.c


def in_force(conn: Connection) -> dict[str, str]:
    """Return the id of everybody in the catalogue in force, by the id of the text of their key."""
    rows = conn.execute(select(_PEOPLE.key, _PEOPLE.person).where(_PEOPLE.ended_at.is_(None)))
    return {row.key: row.person for row in rows}


def at(conn: Connection, instant: datetime) -> dict[str, str]:
    """Return the id of everybody who was in the catalogue at that instant, by the id of the text of
    their last key.
    """
    rows = conn.execute(
        select(_PEOPLE.key, _PEOPLE.person).where(
            _PEOPLE.began_at <= instant, or_(_PEOPLE.ended_at.is_(None), _PEOPLE.ended_at > instant)
        )
    )
    return {row.key: row.person for row in rows}


def begin(tx: Tx, keys: Mapping[str, str]) -> None:
    """Store that these persons are in the catalogue from now on, under these keys."""
    rows = [{"person": person, "key": key, "began_at": tx.now} for person, key in keys.items()]
    if rows:
        tx.conn.execute(insert(catalogue_people), rows)


def end(tx: Tx, person: str, entry: Entry) -> None:
    """Store that a person has left the catalogue, and their last entry. The id never comes back."""
    ended = {"ended_at": tx.now, "entry": entry}
    tx.conn.execute(update(catalogue_people).where(_PEOPLE.person == person).values(ended))


def left(conn: Connection) -> dict[str, Entry]:
    """Return the last entry of everybody who has left, and was not recognised since then."""
    again = exists().where(_MERGED.person == _PEOPLE.person)
    rows = conn.execute(
        select(_PEOPLE.person, _PEOPLE.entry)
        .where(_PEOPLE.entry.is_not(None), ~again)
        .order_by(_PEOPLE.person)
    )
    return {row.person: row.entry for row in rows}


def rename(tx: Tx, keys: Mapping[str, str]) -> None:
    """Give these persons other keys.

    Two of them may exchange their keys, so each first gets a key that no other has.
    """
    for person in keys:
        tx.conn.execute(update(catalogue_people).where(_PEOPLE.person == person).values(key=person))
    for person, key in keys.items():
        tx.conn.execute(update(catalogue_people).where(_PEOPLE.person == person).values(key=key))


def keys_of(conn: Connection, persons: Collection[str]) -> dict[str, str]:
    """Return the id of the text of each person's last key, to show who an id was."""
    rows = conn.execute(
        select(_PEOPLE.person, _PEOPLE.key).where(_PEOPLE.person.in_(list(persons)))
    )
    return {row.person: row.key for row in rows}


def ended_under(conn: Connection, keys: Collection[str]) -> tuple[str, ...]:
    """Return everybody who had one of these keys (ids of texts) last and has left."""
    left = select(_PEOPLE.person).where(_PEOPLE.key.in_(keys), _PEOPLE.ended_at.is_not(None))
    return tuple(conn.execute(left.order_by(_PEOPLE.began_at, _PEOPLE.person)).scalars())


def merge(tx: Tx, person: str, into: str) -> None:
    """Store that two ids are one person. What was done under the first counts as done by the
    second.
    """
    tx.conn.execute(update(merged_people).where(_MERGED.same_as == person).values(same_as=into))
    insert_new(tx, merged_people, {"person": person, "same_as": into})


def former(conn: Connection) -> dict[str, tuple[str, ...]]:
    """Return the other ids of each person who has any."""
    found: dict[str, tuple[str, ...]] = {}
    for row in conn.execute(select(_MERGED.same_as, _MERGED.person).order_by(_MERGED.person)):
        found[row.same_as] = (*found.get(row.same_as, ()), row.person)
    return found


def merged(conn: Connection, person: str) -> str:
    """Return the id that counts for this person, which is another one if two ids are one person."""
    found: str | None = conn.execute(
        select(_MERGED.same_as).where(_MERGED.person == person)
    ).scalar()
    return found or person
