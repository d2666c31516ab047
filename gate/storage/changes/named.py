"""Everybody who was named for a change: kept for good, because the excluded only grow.

The names of the request by which a change was decided last stand in its record, and not here.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

import orjson
from sqlalchemy import Connection

from gate.core.catalogue.catalogue import ERASED
from gate.core.decision.named import NO_NAMES, Named
from gate.storage.database.bulk import Bulk
from gate.storage.database.hot import Either, Hot, items_of
from gate.storage.database.rows import CommitsRow, NamedRow
from gate.storage.database.tx import Tx
from gate.storage.tables import schema_people
from gate.storage.texts import name_ids


class Role(StrEnum):
    """The part that somebody has in a change."""

    ASKED = "asked"
    WROTE = "wrote"
    # Was found to be excluded once. Here `who` is the id of a person, not of a name.
    EXCLUDED = "excluded"


class Of(NamedTuple):
    """A change whose names are asked for, and the repositories (issuer, numeric id) of its
    commits.
    """

    change: str
    repositories: tuple[tuple[str, int], ...] = ()


def of_changes(conn: Connection, wanted: Sequence[Of]) -> dict[str, Named]:
    """Return for each change everybody who was named for it, or pushed one of its commits.

    `ERASED` stands for a name that was erased.
    """
    found: dict[str, list[tuple[str, str]]] = {one.change: [] for one in wanted}
    changes = items_of([one.change for one in wanted])
    pushed_to = [(one.change, *repository) for one in wanted for repository in one.repositories]
    for change, role, who, text in _NAMED.rows(conn, changes):
        found[change].append((role, who if role == Role.EXCLUDED else text or ERASED))
    for change, text in _PUSHED.rows(conn, items_of(pushed_to)):
        found[change].append((Role.WROTE, text or ERASED))
    return {change: _named(rows) for change, rows in found.items()}


def add(tx: Tx, change: str, said: Named) -> None:
    """Name these people for a change; those who are known already stay as they are."""
    ids = name_ids(tx, (*said.asked, *said.wrote))
    rows = [
        *(NamedRow(change, Role.ASKED.value, ids[text]) for text in said.asked),
        *(NamedRow(change, Role.WROTE.value, ids[text]) for text in said.wrote),
        *(NamedRow(change, Role.EXCLUDED.value, person) for person in sorted(said.people)),
    ]
    insert(tx, rows)
    if rows:
        tx.touch(change)


def insert(tx: Tx, rows: Sequence[NamedRow]) -> None:
    """Keep rows whose texts are kept already."""
    _NAMES.insert(tx, rows)


def insert_commits(tx: Tx, rows: Sequence[CommitsRow]) -> None:
    """Keep which commits a change brings, in the place of those that were kept for it before."""
    _COMMITS.insert(tx, rows)


def commits_row(change: str, commits: Iterable[str], own: str) -> CommitsRow:
    """Return the row of the commits that a change brings, its own commit included.

    A host does not list that one where nothing lies between it and the base.
    """
    return CommitsRow(change, orjson.dumps(sorted({*commits, own})).decode())


def _named(rows: Iterable[tuple[str, str]]) -> Named:
    found = NO_NAMES
    if not rows:
        return found
    by_role: dict[str, dict[str, None]] = {role: {} for role in Role}
    for role, who in rows:
        by_role[role][who] = None
    asked, wrote, excluded = (by_role[role] for role in (Role.ASKED, Role.WROTE, Role.EXCLUDED))
    return Named(tuple(asked), tuple(wrote), frozenset(excluded))


_NAMES = Bulk(schema_people.named, NamedRow._fields, tail="ON CONFLICT DO NOTHING")
_LAST = "ON CONFLICT (change_id) DO UPDATE SET commits = excluded.commits"
_COMMITS = Bulk(schema_people.change_commits, CommitsRow._fields, tail=_LAST)
_NAMED = Hot(
    """
SELECT n.change_id, n.role, n.who, t.text FROM {wanted}
CROSS JOIN named AS n LEFT JOIN texts AS t ON t.id = n.who
WHERE n.change_id = {wanted.value} ORDER BY n.change_id, n.role, n.who
""",
    "wanted",
)
# The pushers of all commits that a change brings. Where the host compared nothing, the commit of
# the change itself stands for them.
_PUSHED = Hot(
    """
SELECT DISTINCT c.id, t.text FROM {wanted}
CROSS JOIN changes AS c LEFT JOIN change_commits AS brought ON brought.change_id = c.id
CROSS JOIN {commits} CROSS JOIN pushes AS p LEFT JOIN texts AS t ON t.id = p.pusher
WHERE c.id = {wanted[0]} AND p.issuer = {wanted[1]} AND p.repository_id = {number}
  AND p.commit_sha = one.value
ORDER BY c.id, t.text
""",
    "wanted",
    commits=Either(
        "json_each(coalesce(brought.commits, json_array(c.commit_sha))) AS one",
        "LATERAL jsonb_array_elements_text("
        "coalesce(brought.commits::jsonb, jsonb_build_array(c.commit_sha))) AS one(value)",
    ),
    number=Either("json_extract(wanted.value, '$[2]')", "(wanted.value->>2)::bigint"),
)
