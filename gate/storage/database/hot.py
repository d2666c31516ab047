"""Statements that go to the driver as text.

They are for what every decision asks, and for nothing else.

The driver needs 4 µs for a small query. SQLAlchemy needs ten times as much for one that was built
before, and a hundred times for one that it has to build: too much for the half a dozen queries of
a decision, and nothing to notice anywhere else.

A statement is written once for both databases. `?` is a parameter, in the order of the text. A list
of any length is one parameter, because it is JSON text that the database takes apart: `Items` says
how. Where the two databases have different words for something, the text names it in braces, and
both are given. A percent sign means a parameter to the driver of PostgreSQL, so no text has one.

The types of columns convert nothing here. A statement gets and gives what the database keeps:
microseconds for an instant, JSON text, the value of an enum, and on SQLite 0 or 1 for a boolean.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, cast

import orjson
from sqlalchemy import Connection

from gate.storage.database.tx import Cursor, Raw, Tx, at_once


class Either(NamedTuple):
    """A name that differs between the two databases."""

    sqlite: str
    postgres: str


class Items:
    """A parameter that is a list: `{name}` in FROM is a row for each of its items.

    `{name[0]}` is the first value of an item that is a list itself, as text; `{name.value}` is an
    item that is a text; `{name.place}` is where it stands in the list, from 0.
    """

    def __init__(self, name: str, *, is_postgres: bool) -> None:
        self._name, self._is_postgres = name, is_postgres

    def __str__(self) -> str:
        if self._is_postgres:
            return f"jsonb_array_elements(?::jsonb) WITH ORDINALITY AS {self._name}(value, nth)"
        return f"json_each(?) AS {self._name}"

    def __getitem__(self, place: int) -> str:
        if self._is_postgres:
            return f"({self._name}.value->>{place})"
        return f"json_extract({self._name}.value, '$[{place}]')"

    @property
    def value(self) -> str:
        """An item that is a text."""
        if self._is_postgres:
            return f"({self._name}.value#>>'{{}}')"
        return f"{self._name}.value"

    @property
    def place(self) -> str:
        """Its place in the list."""
        if self._is_postgres:
            return f"({self._name}.nth - 1)"
        return f"{self._name}.key"


class Hot:
    """One statement. `items` names its lists, in the order of their parameters."""

    def __init__(self, text: str, /, *items: str, **words: Either) -> None:
        self._texts = {
            is_postgres: text.format(
                **{name: Items(name, is_postgres=is_postgres) for name in items},
                **{name: either[is_postgres] for name, either in words.items()},
            )
            for is_postgres in (False, True)
        }
        self._texts[True] = self._texts[True].replace("?", "%s")

    def rows(self, conn: Connection, *parameters: object) -> list[tuple[Any, ...]]:
        """Execute it, and return all rows that it finds."""
        return self.ask(conn, *parameters).fetchall()

    def ask(self, conn: Connection, *parameters: object) -> Cursor:
        """Execute it. The rows are fetched later, after other statements of `asked_at_once`."""
        cursor = conn.connection.cursor()
        cursor.execute(self._texts[conn.dialect.name == "postgresql"], parameters)
        return cast("Cursor", cursor)

    def run(self, tx: Tx, *parameters: object) -> Cursor:
        """Execute it in a transaction that writes."""
        return tx.execute(self._texts[tx.is_postgres], parameters)


def asked_at_once(conn: Connection) -> AbstractContextManager[object]:
    """Ask several questions in one way to the server and back; see `at_once`."""
    raw = cast("Raw", conn.connection.dbapi_connection)
    return at_once(raw, is_postgres=conn.dialect.name == "postgresql")


def ask_numbered(conn: Connection, statement: str, parameters: Sequence[object]) -> Cursor:
    """Execute a statement of PostgreSQL whose parameters are `$1`, `$2` and so on.

    It is for a long statement. The driver keeps the numbers of its own placeholders only for texts
    of up to 4,096 characters, and looks for them anew whenever a longer text is executed.
    """
    from psycopg import RawCursor  # noqa: PLC0415 - on SQLite the driver may be missing

    cursor: Any = RawCursor(cast("Any", conn.connection.dbapi_connection))
    cursor.execute(statement, parameters)
    return cast("Cursor", cursor)


def items_of(values: Sequence[object]) -> str:
    """Return the parameter for a list of values."""
    return orjson.dumps(values).decode()
