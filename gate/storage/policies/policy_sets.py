"""The policy sets that were registered, each with policies, catalogue and calendar, and the row
that names the one in force.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, or_, select, tuple_, update

from gate.core.canonical import canonical, digest
from gate.core.decision.record import Revisions
from gate.storage.database.pages import Page, Part, page
from gate.storage.database.tx import Tx
from gate.storage.database.upsert import insert_new
from gate.storage.database.values import every, first, values_of
from gate.storage.tables import schema_policies
from gate.storage.tables.schema_policies import policy_changes, policy_sets

TOPIC = "in_force"
"""The topic that is announced to other processes when another set is in force."""

_ROW = schema_policies.in_force
_SUMMARY = tuple(column for column in policy_sets.columns if column.name != "files")
KEYS = (policy_sets.c.registered_at, policy_sets.c.id)
NAMED_MAX = 20
"""The most sets with a part of one revision that are read, because a calendar may stay the same for
years."""
CHANGES_MAX = 200
"""The most changes of the policies that are marked in one figure."""


@dataclass(frozen=True, slots=True)
class PolicySetSummary:
    """A registered set without its files."""

    id: str
    revisions: Revisions
    registered_at: datetime
    registered_by: str


@dataclass(frozen=True, slots=True)
class PolicySet:
    """A registered set.

    In the catalogue's file every name, address and login is the id of a text.
    """

    summary: PolicySetSummary
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class InForce:
    """The set by which every replica decides.

    `comment` is the id of a text, or empty; `number` counts the activations.
    """

    number: int
    policy_set: str
    activated_at: datetime
    activated_by: str
    comment: str


class Change(NamedTuple):
    """Other policies came into force."""

    policies: str
    at: datetime


def set_id(revisions: Revisions) -> str:
    """Return the SHA-256 over the three revisions. Equal parts registered again are the
    same set.
    """
    return digest(canonical([revisions.policies, revisions.catalogue, revisions.calendar]))


def register(tx: Tx, revisions: Revisions, files: Mapping[str, str], by: str) -> bool:
    """Keep a set. False when it was registered before: then nothing changes, whoever says so."""
    row = {
        "id": set_id(revisions),
        **values_of(revisions),
        "files": files,
        "registered_at": tx.now,
        "registered_by": by,
    }
    return insert_new(tx, policy_sets, row)


def read(conn: Connection, policy_set: str) -> PolicySet | None:
    """Return the set of that id, or None."""
    row = conn.execute(select(policy_sets).where(policy_sets.c.id == policy_set)).first()
    return None if row is None else PolicySet(_summary(row), row.files)


def existing(conn: Connection, policy_set: str) -> PolicySet:
    """Return the set of an id that was read before.

    It raises where there is none, because sets are never deleted.
    """
    found = read(conn, policy_set)
    if found is None:
        raise LookupError(policy_set)
    return found


def named(conn: Connection, name: str) -> tuple[PolicySetSummary, ...]:
    """Return the set of that id, or every set with a part of that revision.

    These are at most `NAMED_MAX`, the last registered first.
    """
    query = select(*_SUMMARY).where(
        or_(*(policy_sets.c[part] == name for part in ("id", "policies", "catalogue", "calendar")))
    )
    rows = conn.execute(query.order_by(*(key.desc() for key in KEYS)).limit(NAMED_MAX)).all()
    return tuple(map(_summary, rows))


def policy_set_page(conn: Connection, part: Part) -> Page[PolicySetSummary]:
    """Return one page by (`registered_at`, `id`), newest first."""
    return page(conn, [select(*_SUMMARY)], KEYS, part, _summary)


def catalogues(conn: Connection, file: str) -> Iterator[str]:
    """Yield each catalogue that was ever registered, once, as its file of that name."""
    known: set[str] = set()
    for row in conn.execute(select(policy_sets.c.catalogue, policy_sets.c.files)):
        if row.catalogue not in known and file in row.files:
            known.add(row.catalogue)
            yield row.files[file]


def before(conn: Connection, summary: PolicySetSummary) -> PolicySetSummary | None:
    """Return the newest set that was registered before this one and has other policies, or None."""
    last = tuple_(summary.registered_at, summary.id, types=[key.type for key in KEYS])
    earlier = tuple_(*KEYS) < last
    others = policy_sets.c.policies != summary.revisions.policies
    query = (
        select(*_SUMMARY).where(earlier, others).order_by(*(key.desc() for key in KEYS)).limit(1)
    )
    row = conn.execute(query).first()
    return None if row is None else _summary(row)


def in_force(conn: Connection) -> InForce | None:
    """Return the set in force, or None before the first activation."""
    return first(conn, InForce, select(*_ROW.columns[1:]).where(_ROW.c.id == 1))


def activate(tx: Tx, policy_set: str, *, expected: str | None, by: str, comment: str = "") -> bool:
    """Put a set in force in place of the expected one (None: of nothing).

    False: another one is in force.
    """
    row: dict[str, Any] = {
        "policy_set": policy_set,
        "activated_at": tx.now,
        "activated_by": by,
        "comment": comment,
    }
    if expected is None:
        activated = insert_new(tx, _ROW, {"id": 1, "number": 1, **row})
    else:
        row["number"] = _ROW.c.number + 1
        statement = update(_ROW).where(_ROW.c.id == 1, _ROW.c.policy_set == expected)
        activated = tx.conn.execute(statement.values(row)).rowcount == 1
    if not activated:
        return False
    _keep_change(tx, policy_set, expected)
    tx.touch(TOPIC)
    return True


def changes_between(conn: Connection, begins: datetime, ends: datetime) -> tuple[Change, ...]:
    """Return when other policies came into force, from one instant to before another.

    These are at most `CHANGES_MAX`, the newest of them, oldest first.
    """
    table = policy_changes.c
    query = select(table.policies, table.at).where(table.at >= begins, table.at < ends)
    newest = every(
        conn, Change, query.order_by(table.at.desc(), table.number.desc()).limit(CHANGES_MAX)
    )
    return newest[::-1]


def _keep_change(tx: Tx, policy_set: str, expected: str | None) -> None:
    """Keep that other policies decide from now on, if they are others than before."""
    query = select(policy_sets.c.id, policy_sets.c.policies)
    rows = tx.conn.execute(query.where(policy_sets.c.id.in_([policy_set, expected or policy_set])))
    revisions = {row.id: row.policies for row in rows}
    if expected is not None and revisions[policy_set] == revisions[expected]:
        return
    number = tx.conn.execute(select(_ROW.c.number).where(_ROW.c.id == 1)).scalar_one()
    row = {"number": number, "policies": revisions[policy_set], "at": tx.now}
    insert_new(tx, policy_changes, row)


def _summary(row: Row[Any]) -> PolicySetSummary:
    revisions = Revisions(row.policies, row.catalogue, row.calendar)
    return PolicySetSummary(row.id, revisions, row.registered_at, row.registered_by)
