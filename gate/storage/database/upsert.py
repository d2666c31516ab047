"""Inserts that meet a row with the same key.

Both databases know them, under two names in SQLAlchemy. A statement is built once where its text
depends on the table alone: building takes ten times as long as executing it.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Table
from sqlalchemy.dialects import postgresql, sqlite

from gate.storage.database.tx import Tx

Values: TypeAlias = Mapping[str, Any]


def insert_new(tx: Tx, table: Table, row: Values) -> bool:
    """Insert a row. False: one with a key of this row was there, and is left as it is."""
    return tx.conn.execute(_insert_new(table, tx.is_postgres), dict(row)).rowcount == 1


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
    insert = _insert(table, tx.is_postgres)
    statement = insert.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={name: insert.excluded[name] for name in only or _beside_key(table, tuple(row))},
        where=where,
    )
    return tx.conn.execute(statement, dict(row)).rowcount == 1


def add_up(tx: Tx, table: Table, row: Values) -> None:
    """Insert a row of numbers, or add them to those of the row with its primary key."""
    tx.conn.execute(_add_up(table, tuple(row), tx.is_postgres), dict(row))


@cache
def _insert_new(table: Table, is_postgres: bool) -> postgresql.Insert:  # noqa: FBT001 - a key of the cache
    return _insert(table, is_postgres).on_conflict_do_nothing()


@cache
def _add_up(table: Table, names: tuple[str, ...], is_postgres: bool) -> postgresql.Insert:  # noqa: FBT001 - a key of the cache
    insert = _insert(table, is_postgres)
    sums = {name: table.c[name] + insert.excluded[name] for name in _beside_key(table, names)}
    return insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=sums)


def _insert(table: Table, is_postgres: bool) -> postgresql.Insert:  # noqa: FBT001 - a key of the cache
    # Two with the same methods.
    insert: Any = postgresql.insert if is_postgres else sqlite.insert
    # Without the option the number of rows is lost if SQLAlchemy asks for a generated key.
    return insert(table).execution_options(preserve_rowcount=True)  # type: ignore[no-any-return] # of the one or the other


def _beside_key(table: Table, names: tuple[str, ...]) -> list[str]:
    return [name for name in names if not table.c[name].primary_key]
