"""Rows in bulk, past the gate's own ways of writing: as the driver of each database takes them
fastest.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Connection, Table, text

from gate.storage.tables import schema

WORDS = "words"
"""Of a decision: on PostgreSQL a column that the schema in Python does not name, on SQLite a table
of their own. They come last in a row.
"""

WITH_IDS = (schema.decisions, schema.ledger_entries)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table, and how their columns are called."""

    names: Sequence[str]
    rows: Sequence[list[Any]]

    def column(self, name: str) -> list[Any]:
        """One column of all rows."""
        return [value for (value,) in self.columns(name)]

    def columns(self, *names: str) -> Iterator[tuple[Any, ...]]:
        """Some columns of all rows."""
        places = [self.names.index(name) for name in names]
        for row in self.rows:
            yield tuple(row[place] for place in places)

    def of(self, name: str, **where: Any) -> Any:
        """One column of the first row that has these values."""
        return next(
            value
            for value, *had in self.columns(name, *where)
            if tuple(had) == tuple(where.values())
        )


def prepare(conn: Connection) -> None:
    """Wait for no disk, keep much in memory, and let nothing end what takes long: what is lost here
    is filled anew.
    """
    driver: Any = conn.connection.driver_connection
    if isinstance(driver, psycopg.Connection):
        driver.execute("SET synchronous_commit = off")
        driver.execute("SET idle_in_transaction_session_timeout = 0")
        driver.execute("SET statement_timeout = 0")
        driver.commit()
        return
    for setting in ("synchronous = OFF", "cache_size = -400000"):
        driver.execute(f"PRAGMA {setting}")


def insert_rows(conn: Connection, one: Table, rows: Sequence[list[Any]]) -> None:
    """Insert rows as the database keeps them; those of decisions have their words at the end."""
    if not rows:
        return
    driver: Any = conn.connection.driver_connection
    if isinstance(driver, psycopg.Connection):
        _copy(driver, one, rows)
    else:
        _execute_many(driver, one, rows)


def finish(conn: Connection) -> None:
    """What a database does in its idle hours, and the numbers that its sequences go on with."""
    if conn.dialect.name != "postgresql":
        return
    for one in WITH_IDS:
        conn.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{one.name}', 'id'), "  # noqa: S608 - our own names
                f"(SELECT max(id) FROM {one.name}))"
            )
        )
    conn.commit()
    driver: Any = conn.connection.driver_connection
    driver.autocommit = True
    driver.execute("VACUUM (ANALYZE)")
    driver.autocommit = False


def _copy(driver: psycopg.Connection[Any], one: Table, rows: Sequence[list[Any]]) -> None:
    names = list(one.columns.keys())
    if one is schema.decisions:
        names.append(WORDS)
    columns = ", ".join(f'"{name}"' for name in names)
    with driver.cursor().copy(f"COPY {one.name} ({columns}) FROM STDIN".encode()) as copy:
        for row in rows:
            copy.write_row(row)


def _execute_many(driver: sqlite3.Connection, one: Table, rows: Sequence[list[Any]]) -> None:
    names = list(one.columns.keys())
    columns = ", ".join(f'"{name}"' for name in names)
    places = ", ".join("?" * len(names))
    driver.executemany(
        f"INSERT INTO {one.name} ({columns}) VALUES ({places})",  # noqa: S608 - our own names
        [row[: len(names)] for row in rows],
    )
    if one is schema.decisions:
        driver.executemany(
            "INSERT INTO decision_words (rowid, words) VALUES (?, ?)",
            [(row[0], row[-1]) for row in rows],
        )
