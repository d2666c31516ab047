"""Inserts that meet a row with the same key.

Both databases know them, under two names in SQLAlchemy.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Table
from sqlalchemy.dialects import postgresql, sqlite

from gate.storage.database.tx import Tx

Values: TypeAlias = Mapping[str, Any]


def insert_new(tx: Tx, table: Table, row: Values) -> bool:
    """Insert a row. False: one with a key of this row was there, and is left as it is."""
    return tx.conn.execute(_insert(tx, table, row).on_conflict_do_nothing()).rowcount == 1


def upsert(
    tx: Tx,
    table: Table,
    row: Values,
    *,
    only: tuple[str, ...] = (),
    where: ColumnElement[bool] | None = None,
) -> bool:
    """Insert a row, or set the row with its primary key: all columns that are given, or `only` some
    of them.

    False: a row was there that is not as `where` says, and is left as it is.
    """
    insert = _insert(tx, table, row)
    columns = only or _beside_key(table, row)
    statement = insert.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={name: insert.excluded[name] for name in columns},
        where=where,
    )
    return tx.conn.execute(statement).rowcount == 1


def add_up(tx: Tx, table: Table, row: Values) -> None:
    """Insert a row of numbers, or add them to those of the row with its primary key."""
    insert = _insert(tx, table, row)
    sums = {name: table.c[name] + insert.excluded[name] for name in _beside_key(table, row)}
    tx.conn.execute(insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=sums))


def _insert(tx: Tx, table: Table, row: Values) -> postgresql.Insert:
    insert: Any = (
        postgresql.insert if tx.is_postgres else sqlite.insert
    )  # two classes with the same methods
    # without the option the number of rows is lost where SQLAlchemy fetches a key that the database
    # made
    return insert(table).values(row).execution_options(preserve_rowcount=True)  # type: ignore[no-any-return] # of the one or the other


def _beside_key(table: Table, row: Values) -> list[str]:
    return [name for name in row if not table.c[name].primary_key]
