"""Which decisions have all of some words?

The index of words stands beside the table, and is another on each database.
"""

from sqlalchemy import (
    ColumnElement,
    Connection,
    column,
    exists,
    func,
    literal_column,
    select,
    table,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Boolean, Text

from gate.storage.changes.words import words
from gate.storage.tables.schema import changes, decisions

FREQUENT_FROM = 20_000
"""So many decisions with the words on SQLite, and each row is asked whether it has them, until the
page is full.

Up to then all that have them are looked up and sorted. Asking costs 26 µs, a look-up 5; at a
million rows both meet here.
"""

_INDEX = table("decision_words", column("rowid"), column("decision_words"))


def having_words(conn: Connection, text: str) -> ColumnElement[bool] | None:
    """A condition on `decisions`; None for a text without a word in it, which excludes nothing."""
    wanted = words(text)
    if not wanted:
        return None
    if conn.dialect.name == "postgresql":
        return literal_column("decisions.words", ARRAY(Text)).op("@>", return_type=Boolean())(
            type_coerce(wanted, ARRAY(Text))
        )
    match = _match(wanted)
    if _is_frequent(conn, match):
        return exists(
            select(_INDEX.c.rowid)
            .where(_INDEX.c.rowid == decisions.c.id, match)
            .correlate(decisions)
        )
    return decisions.c.id.in_(select(_INDEX.c.rowid).where(match))


def change_having_words(conn: Connection, text: str) -> ColumnElement[bool] | None:
    """Return a condition on `changes`: one of its decisions has all the words."""
    having = having_words(conn, text)
    if having is None:
        return None
    if conn.dialect.name == "postgresql" or _is_frequent(conn, _match(words(text))):
        return exists(
            select(decisions.c.id)
            .where(decisions.c.change_id == changes.c.id, having)
            .correlate(changes)
        )
    return changes.c.id.in_(select(decisions.c.change_id).where(having))


def _match(wanted: list[str]) -> ColumnElement[bool]:
    """A word is letters and digits alone, so quotes are all that keeps AND, OR, NOT and NEAR words
    too.
    """
    return _INDEX.c.decision_words.op("MATCH", return_type=Boolean())(
        " AND ".join(f'"{word}"' for word in wanted)
    )


def _is_frequent(conn: Connection, match: ColumnElement[bool]) -> bool:
    some = select(_INDEX.c.rowid).where(match).limit(FREQUENT_FROM).subquery()
    return conn.execute(select(func.count()).select_from(some)).scalar_one() == FREQUENT_FROM
