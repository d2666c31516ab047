"""What a database consists of, one sentence a part: equal for two databases if and only if their
schemas are.

Read from the catalogue of the database itself, so that neither the order of columns nor the way in
which a table came to its form makes a difference.
"""

import re
from collections.abc import Iterator

from sqlalchemy import Connection

from gate.storage.database.engine import open_engine

BY_HAND = re.compile(
    r"^(?:(?:trigger|function|table) |column decisions\.words |index ix_decisions_words "
    r"|column alembic_version\.)"
)
"""Parts that the tables in code do not know: the migration makes them by hand, and Alembic its own
table."""

_POSTGRES = """
SELECT 'column ' || c.relname || '.' || a.attname || ' is ' || format_type(a.atttypid, a.atttypmod)
  || CASE WHEN a.attnotnull THEN ', not null' ELSE '' END || coalesce(', ' || pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'index ' || c.relname || ' is ' || pg_get_indexdef(c.oid)
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'i'
UNION ALL
SELECT 'constraint ' || k.conname || ' of ' || k.conrelid::regclass || ' is ' || pg_get_constraintdef(k.oid)
FROM pg_constraint k WHERE k.connamespace = 'public'::regnamespace AND k.contype IN ('p', 'u', 'f', 'c')
  AND k.conrelid <> coalesce(to_regclass('alembic_version'), 0)
UNION ALL
SELECT 'trigger is ' || pg_get_triggerdef(t.oid) FROM pg_trigger t WHERE NOT t.tgisinternal
UNION ALL
SELECT 'function is ' || pg_get_functiondef(p.oid) FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
"""


def described(url: str) -> set[str]:
    """Every column, index, constraint, trigger and function."""
    with open_engine(url).connect() as connection:
        if connection.dialect.name == "postgresql":
            found = connection.exec_driver_sql(_POSTGRES).scalars()
            return {" ".join(part.split()) for part in found if "alembic_version_pkc" not in part}
        return set(_of_sqlite(connection))


def _of_sqlite(connection: Connection) -> Iterator[str]:
    made = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master").all()
    virtual = [name for _, name, sql in made if sql and sql.startswith("CREATE VIRTUAL TABLE")]
    for kind, name, sql in made:
        if kind == "trigger" or name in virtual:
            yield f"{kind} {name} is {' '.join(sql.split())}"
        elif kind == "table" and not name.startswith((*virtual, "sqlite_", "alembic_")):
            yield from _of_table(connection, name)


def _of_table(connection: Connection, table: str) -> Iterator[str]:
    for _, name, type_, not_null, default, key in connection.exec_driver_sql(
        f"PRAGMA table_info('{table}')"
    ):
        yield f"column {table}.{name} is {type_}{', not null' * not_null}, {default}, key {key}"
    for _, _, other, column, other_column, *_ in connection.exec_driver_sql(
        f"PRAGMA foreign_key_list('{table}')"
    ):
        yield f"constraint of {table} is {column} in {other}.{other_column}"
    for _, name, unique, origin, _ in connection.exec_driver_sql(f"PRAGMA index_list('{table}')"):
        listed = [row[2] for row in connection.exec_driver_sql(f"PRAGMA index_info('{name}')")]
        sql = (
            connection.exec_driver_sql(
                "SELECT sql FROM sqlite_master WHERE name = ?", (name,)
            ).scalar()
            or ""
        )
        indexed, _, where = " ".join(sql.split()).partition(" WHERE ")
        # only the statement says by which expression it is
        columns = listed if None not in listed else [indexed.partition(" ON ")[2]]
        named = "" if origin != "c" else f"{name} "  # the others are made and named by the database
        yield f"index {named}of {table} is {', '.join(columns)}{', unique' * unique} where {where}"
