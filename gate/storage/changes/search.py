"""Search for decisions that contain all of some words.

The index of words is a separate table, of another kind on each database. It contains each commit as
a whole, and a commit is found by its first characters too, because nobody writes all of them.
"""

import re
from collections.abc import Sequence
from typing import TypeAlias

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
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

COMMON_COUNTED, COMMON_AMONG = 500, 25_000
"""If the newest so many decisions with the words are among the newest so many of all, SQLite checks
each row for the words until the page is full. It finds one among fifty, however many there are."""

FREQUENT_FROM = 20_000
"""Words that are not common lately are counted up to this number. From there on each row is
checked, too. With fewer, all rows with the words are looked up and sorted. Checking costs 26 µs and
a look-up 5; at a million rows both meet here."""

COMMIT_LENGTHS = (40, 64)
"""The lengths of a whole commit: SHA-1 and SHA-256."""

SHORT_COMMIT_MIN = 7
"""The least number of first characters by which a commit is found."""

COMMITS_MAX = 100
"""The most commits with the same beginning that are looked for. Seven characters rarely fit a
second one."""

_SHORT_COMMIT = re.compile(rf"[0-9a-f]{{{SHORT_COMMIT_MIN},{max(COMMIT_LENGTHS)}}}")

Sought: TypeAlias = list[list[str]]
"""The words that count as each word that must occur."""

_INDEX = table("decision_words", column("rowid"), column("decision_words"))


def having_words(conn: Connection, text: str) -> ColumnElement[bool] | None:
    """Return a condition on `decisions`, or None for a text without words, which
    excludes nothing.
    """
    return _having(conn, _sought(conn, text))


def _having(conn: Connection, sought: Sought) -> ColumnElement[bool] | None:
    if not sought:
        return None
    if conn.dialect.name == "postgresql":
        return and_(*(_overlaps(words_alike) for words_alike in sought))
    match = _match(sought)
    if _is_checked(conn, match):
        return exists(
            select(_INDEX.c.rowid)
            .where(_INDEX.c.rowid == decisions.c.id, match)
            .correlate(decisions)
        )
    return decisions.c.id.in_(select(_INDEX.c.rowid).where(match))


def change_having_words(conn: Connection, text: str) -> ColumnElement[bool] | None:
    """Return a condition on `changes`: one of its decisions has all the words."""
    sought = _sought(conn, text)
    having = _having(conn, sought)
    if having is None:
        return None
    if conn.dialect.name == "postgresql" or _is_checked(conn, _match(sought)):
        return exists(
            select(decisions.c.id)
            .where(decisions.c.change_id == changes.c.id, having)
            .correlate(changes)
        )
    return changes.c.id.in_(select(decisions.c.change_id).where(having))


def commit_is(commit: str) -> ColumnElement[bool]:
    """Return a condition on `changes` that the commit is this one or begins with it.

    A range can use the index under every collation, because `g` sorts behind `f` in all of them.
    """
    column = changes.c.commit_sha
    if len(commit) in COMMIT_LENGTHS:
        return column == commit
    return and_(column >= commit, column < commit + "g")


def _sought(conn: Connection, text: str) -> Sought:
    return [[word, *_commits(conn, word)] for word in words(text)]


def _commits(conn: Connection, word: str) -> Sequence[str]:
    """Return the commits that begin with the word, if it may be the beginning of one."""
    if len(word) in COMMIT_LENGTHS or not _SHORT_COMMIT.fullmatch(word):
        return ()
    commit = changes.c.commit_sha
    query = select(commit).distinct().where(commit_is(word)).order_by(commit).limit(COMMITS_MAX)
    return conn.execute(query).scalars().all()


def _overlaps(words_alike: list[str]) -> ColumnElement[bool]:
    # One word is asked for by containment, whose plans are known to be good.
    op = "@>" if len(words_alike) == 1 else "&&"
    return literal_column("decisions.words", ARRAY(Text)).op(op, return_type=Boolean())(
        type_coerce(words_alike, ARRAY(Text))
    )


def _match(sought: Sought) -> ColumnElement[bool]:
    """Return the condition for the index of SQLite.

    A word consists of letters and digits, so quotes are enough to make AND, OR, NOT and NEAR plain
    words.
    """
    return _INDEX.c.decision_words.op("MATCH", return_type=Boolean())(
        " AND ".join(
            "(" + " OR ".join(f'"{word}"' for word in words_alike) + ")" for words_alike in sought
        )
    )


def _is_checked(conn: Connection, match: ColumnElement[bool]) -> bool:
    """Return whether each row is checked for the words, newest first, instead of all that have
    them being looked up.
    """
    return _is_common(conn, match) or _is_frequent(conn, match)


def _is_common(conn: Connection, match: ColumnElement[bool]) -> bool:
    """Return whether many of the newest decisions have the words.

    It reads no more than `COMMON_COUNTED` entries of the index, so that a word that every decision
    has takes no longer with ten million decisions than with ten thousand.
    """
    rowid = _INDEX.c.rowid
    newest = select(rowid).where(match).order_by(rowid.desc()).limit(COMMON_COUNTED).subquery()
    counted, oldest = conn.execute(select(func.count(), func.min(newest.c.rowid))).one()
    if counted < COMMON_COUNTED:
        return False
    last = conn.execute(select(func.max(decisions.c.id))).scalar_one()
    return bool(last - oldest < COMMON_AMONG)


def _is_frequent(conn: Connection, match: ColumnElement[bool]) -> bool:
    some = select(_INDEX.c.rowid).where(match).limit(FREQUENT_FROM).subquery()
    return conn.execute(select(func.count()).select_from(some)).scalar_one() == FREQUENT_FROM
