"""Search for decisions that contain all of some words.

The index of words is a separate table, of another kind on each database. It contains each commit as
a whole, and a commit is found by its first characters too, because nobody writes all of them.

A list with words is read in one of two ways, which the query says so clearly that no planner
chooses the other: row after row in the order of the list, each checked for the words, or by looking
up all rows with the words and sorting them.
"""

import re
from collections.abc import Sequence
from typing import Any, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    any_,
    column,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Boolean, Text

from gate.storage.changes.words import words
from gate.storage.database.pages import Part
from gate.storage.tables.columns import as_stored
from gate.storage.tables.schema import changes, decisions

WALKED_MAX = 5_000
"""If so many decisions, from where a page begins, are enough to fill it, each row is checked for
the words. If not, all decisions with the words are looked up.

So a word that every decision has fills a page at once, however many decisions there are, and a
rare one is looked up at once. Checking a row costs 26 µs on SQLite, and a look-up 5."""

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
_KEPT = table("decisions", column("id"), column("change_id"), column("words", Text)).alias("found")


def having_words(conn: Connection, text: str, part: Part) -> ColumnElement[bool] | None:
    """Return a condition on `decisions` for this part of a list, or None for a text without words,
    which excludes nothing.
    """
    sought = _sought(conn, text)
    if not sought:
        return None
    last = _begins(conn, part)
    if last is not None and _fill(conn, sought, part, last):
        return _is_checked(conn, sought, last)
    return _is_looked_up(conn, decisions.c.id, "id", sought)


def change_having_words(conn: Connection, text: str, part: Part) -> ColumnElement[bool] | None:
    """Return a condition on `changes`: one of its decisions has all the words."""
    sought = _sought(conn, text)
    if not sought:
        return None
    last = _begins(conn, part)
    if last is not None and _fill(conn, sought, part, last):
        # With an offset PostgreSQL makes no join of it, which would begin with all decisions.
        return exists(
            select(decisions.c.id)
            .where(decisions.c.change_id == changes.c.id, _is_checked(conn, sought, last))
            .offset(_written(0))
            .correlate(changes)
        )
    return _is_looked_up(conn, changes.c.id, "change_id", sought)


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


def _fill(conn: Connection, sought: Sought, part: Part, last: int) -> bool:
    """Return whether the part is full after `WALKED_MAX` decisions, of which this is the newest.

    One row more than the part has is wanted, because a page looks for it.
    """
    wanted = part.limit + 1
    if conn.dialect.name == "postgresql":
        near = (_KEPT.c.id > last - WALKED_MAX, _KEPT.c.id <= last)
        some = select(_KEPT.c.id).where(
            *near, _is_true(_overlaps(_as_array(_KEPT.c.words), sought))
        )
        counted = select(func.count()).select_from(some.limit(_written(wanted)).subquery())
        return conn.execute(counted).scalar_one() == wanted
    rowid = _INDEX.c.rowid
    found = select(rowid).where(_matches(sought), rowid <= last).order_by(rowid.desc())
    one_more = conn.execute(found.offset(part.limit).limit(1)).scalar()
    return one_more is not None and last - one_more < WALKED_MAX


def _begins(conn: Connection, part: Part) -> int | None:
    """Return the id of the newest decision at the time of the part, or None if there is none.

    Ids have the order of time but for decisions of the same moment, which is enough here.
    """
    at = as_stored(decisions.c.at)
    newest = select(decisions.c.id).order_by(at.desc()).limit(_written(1))
    if part.after is not None:
        newest = newest.where(at <= part.after[0])
    elif part.ends is not None:
        newest = newest.where(decisions.c.at < part.ends)
    return conn.execute(newest).scalar()


def _is_checked(conn: Connection, sought: Sought, last: int) -> ColumnElement[bool]:
    """Return a condition on `decisions` that is checked for each row that is read anyway, best for
    the `WALKED_MAX` decisions of which this is the newest.
    """
    if conn.dialect.name == "postgresql":
        return _is_true(_overlaps(_as_array(literal_column("decisions.words", Text)), sought))
    # Which of these have the words is found once, because to open the index for a row costs as much
    # as many rows of it. The sum keeps SQLite from looking rows up by their ids.
    id_, rowid, first = decisions.c.id + 0, _INDEX.c.rowid, last - WALKED_MAX
    near = select(rowid).where(_matches(sought), rowid > first, rowid <= last)
    alone = select(rowid).where(rowid == decisions.c.id, _matches(sought)).correlate(decisions)
    return or_(id_.in_(near), and_(or_(id_ <= first, id_ > last), exists(alone)))


def _is_looked_up(
    conn: Connection, wanted: ColumnElement[Any], name: str, sought: Sought
) -> ColumnElement[bool]:
    """Return a condition that `wanted` is in this column of a decision with the words. All of these
    are found by the index of words.
    """
    if conn.dialect.name == "postgresql":
        found = select(_KEPT.c[name]).where(_overlaps(_as_array(_KEPT.c.words), sought))
        # PostgreSQL fetches rows by their ids where it is given an array, however long that is. Of
        # a subquery it may make a join that reads the list from its first row to its last.
        return wanted == any_(func.array(found.scalar_subquery()))
    rowids = select(_INDEX.c.rowid).where(_matches(sought))
    if name == "id":
        return wanted.in_(rowids)
    return wanted.in_(select(decisions.c[name]).where(decisions.c.id.in_(rowids)))


def _overlaps(column: ColumnElement[Any], sought: Sought) -> ColumnElement[bool]:
    return and_(*(_overlaps_one(column, words_alike) for words_alike in sought))


def _overlaps_one(column: ColumnElement[Any], words_alike: list[str]) -> ColumnElement[bool]:
    # One word is asked for by containment, whose plans are known to be good.
    op = "@>" if len(words_alike) == 1 else "&&"
    return column.op(op, return_type=Boolean())(type_coerce(words_alike, ARRAY(Text)))


def _as_array(words: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the words of a row, written as the index has them."""
    return func.string_to_array(words, literal_column("' '"), type_=ARRAY(Text))


def _is_true(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the same condition in a form for which PostgreSQL knows no index, and of which it
    supposes that every second row fits.

    Of a condition on words it supposes one in two hundred. Among a few thousand rows it would then
    read and sort all of them rather than walk in the order of the list.
    """
    return func.coalesce(condition, literal_column("false"))


def _matches(sought: Sought) -> ColumnElement[bool]:
    """Return the condition for the index of SQLite.

    A word consists of letters and digits, so quotes are enough to make AND, OR, NOT and NEAR plain
    words.
    """
    return _INDEX.c.decision_words.op("MATCH", return_type=Boolean())(
        " AND ".join(
            "(" + " OR ".join(f'"{word}"' for word in words_alike) + ")" for words_alike in sought
        )
    )


def _written(number: int) -> ColumnElement[int]:
    """Return the number as text of the query: PostgreSQL plans for a tenth of the table where a
    limit is a parameter.
    """
    return literal(number, literal_execute=True)
