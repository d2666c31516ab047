"""The texts that identify a person, and the copies that were made of them.

A name occurs in more places than the catalogue: in requests of people outside it, in titles and
comments, in the search index and in stored answers. So all texts are searched.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import Column, Connection, LargeBinary, Table, Text, select

from gate.storage.tables import (
    schema,
    schema_delivery,
    schema_hooks,
    schema_hosts,
    schema_incidents,
    schema_learning,
    schema_ledger,
    schema_past,
    schema_people,
    schema_policies,
    schema_work,
)
from gate.storage.tables.columns import Json
from gate.storage.tables.packed import Packed

ROWS_AT_ONCE = 1_000
Says: TypeAlias = Callable[[str], bool]
"""Returns whether a text identifies the person or mentions them."""

_TEXT_ID = re.compile(rb"[0-9a-f]{64}")
# A process knows only the tables of modules that it has imported. A command that imports little
# would say of the other tables that nothing remains in them.
_SCHEMAS = (
    *(schema, schema_delivery, schema_hooks, schema_hosts, schema_incidents, schema_learning),
    *(schema_ledger, schema_past, schema_people, schema_policies, schema_work),
)
(_METADATA,) = {one.metadata for one in _SCHEMAS}
_COPIES = (schema_work.idempotency, schema_work.outbox, schema_hooks.deliveries)
"""Tables whose rows are copies for a while; a row that mentions the person is deleted."""


@dataclass(frozen=True, slots=True)
class Traces:
    """The places where a person is named. `copies` are rows by table, each given by the values of
    its key.
    """

    texts: frozenset[str]
    changes: frozenset[str]
    copies: tuple[tuple[Table, tuple[Any, ...]], ...]


@dataclass(frozen=True, slots=True)
class Remnant:
    """A column in which the name remains after an erasure, and the number of such rows."""

    table: str
    column: str
    rows: int


def traces(conn: Connection, says: Says, protected: Collection[str]) -> Traces:
    """Return the texts that name the person, and the changes and copies to which they belong.

    `protected` are ids of texts that somebody else needs.
    """
    columns = schema.texts.c
    found = frozenset(
        row.id
        for row in _rows(conn, schema.texts, columns.id, columns.text)
        if row.id not in protected and says(row.text)
    )
    return Traces(found, changes_with(conn, found), tuple(_copies(conn, says)))


def changes_with(conn: Connection, texts: Collection[str]) -> frozenset[str]:
    """Return the changes whose decisions were made from one of these texts.

    Their words are in the search index. People who were named later, or by the code host, are in
    `named`.
    """
    wanted = {one.encode() for one in texts}
    decided = schema.decisions.c
    found = {
        row.change_id
        for row in _rows(conn, schema.decisions, decided.id, decided.change_id, decided.record)
        if not wanted.isdisjoint(_TEXT_ID.findall(row.record))
    }
    named = schema_people.named.c
    found.update(
        row.change_id
        for row in _rows(conn, schema_people.named, named.change_id, named.who)
        if row.who in texts
    )
    return frozenset(found)


def remnants(conn: Connection, says: Says, without: Collection[str] = ()) -> list[Remnant]:
    """Return where the person is named outside the texts and copies that are erased.

    `without` are ids of texts that will be gone.
    """
    found = []
    for table in _METADATA.sorted_tables:
        if table in _COPIES:
            continue
        for column in _readable(table):
            rows = sum(
                1
                for row in _rows(conn, table, *table.primary_key, column)
                if _says(says, row[-1]) and not (table is schema.texts and row[0] in without)
            )
            if rows:
                found.append(Remnant(table.name, column.name, rows))
    return found


def _copies(conn: Connection, says: Says) -> Iterator[tuple[Table, tuple[Any, ...]]]:
    for table in _COPIES:
        keys = tuple(table.primary_key)
        for row in _rows(conn, table, *keys, *_readable(table)):
            if any(_says(says, value) for value in row[len(keys) :]):
                yield table, tuple(row[: len(keys)])


def _readable(table: Table) -> list[Column[Any]]:
    """Return the columns in which a name could stand."""
    kinds = (Text, LargeBinary, Json, Packed)
    return [one for one in table.columns if isinstance(one.type, kinds)]


def _says(says: Says, value: object) -> bool:
    if isinstance(value, bytes | memoryview):
        return says(bytes(value).decode(errors="replace"))
    return value is not None and says(value if isinstance(value, str) else repr(value))


def _rows(conn: Connection, table: Table, *columns: Column[Any]) -> Iterable[Any]:
    """Return these columns of all rows, a few at a time, in the order of the key."""
    statement = select(*columns).select_from(table).order_by(*table.primary_key)
    return conn.execute(statement.execution_options(yield_per=ROWS_AT_ONCE))
