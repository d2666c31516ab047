"""Which decisions have all of some words? The index of words stands beside the table, and is another on each database."""

from sqlalchemy import ColumnElement, Connection, column, literal_column, select, table, type_coerce
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Boolean, Text

from gate.storage.schema import decisions
from gate.storage.words import words

_INDEX = table("decision_words", column("rowid"), column("decision_words"))


def having_words(conn: Connection, text: str) -> ColumnElement[bool] | None:
    """A condition on `decisions`; None for a text without a word in it, which excludes nothing."""
    wanted = words(text)
    if not wanted:
        return None
    if conn.dialect.name == "postgresql":
        return literal_column("decisions.words", ARRAY(Text)).op("@>", return_type=Boolean())(type_coerce(wanted, ARRAY(Text)))
    # a word is letters and digits alone, so quotes are all that keeps AND, OR, NOT and NEAR words too
    query = " AND ".join(f'"{word}"' for word in wanted)
    return decisions.c.id.in_(select(_INDEX.c.rowid).where(_INDEX.c.decision_words.op("MATCH", return_type=Boolean())(query)))
