"""Notices to customers that were given, and the changes that may owe some."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, select, tuple_

from gate.core.decision.record import Record
from gate.core.decision.record import read as read_record
from gate.storage.audit.within import Within
from gate.storage.changes import changes as change_rows
from gate.storage.changes import decisions as decision_rows
from gate.storage.database.tx import Tx
from gate.storage.database.upsert import insert_new
from gate.storage.database.values import every
from gate.storage.tables.schema import changes, decisions, notices
from gate.storage.tables.stored_change import StoredChange

CHANGES_AT_ONCE = 500
_N, _C, _D = notices.c, changes.c, decisions.c
_IN_FORCE = and_(_D.change_id == _C.id, _D.number == _C.decision)


@dataclass(frozen=True, slots=True)
class GivenNotice:
    """One notice. `comment` is the id of a text, or empty."""

    change_id: str
    duty: str
    at: datetime
    person: str
    comment: str


def give(tx: Tx, change: str, duty: str, person: str, comment: str) -> bool:
    """Store that a notice was given. Returns False if it was stored before."""
    row = {
        "change_id": change,
        "duty": duty,
        "at": tx.now,
        "person": person,
        "comment": comment,
    }
    given = insert_new(tx, notices, row)
    if given:
        tx.touch(change)
    return given


def given(conn: Connection, wanted: Collection[str]) -> Mapping[str, Mapping[str, GivenNotice]]:
    """Return the notices of these changes, by change and duty."""
    rows = every(conn, GivenNotice, select(notices).where(_N.change_id.in_(wanted)))
    found: dict[str, dict[str, GivenNotice]] = {one: {} for one in wanted}
    for row in rows:
        found[row.change_id][row.duty] = row
    return found


def policies_within(conn: Connection, within: Within) -> list[tuple[str, str]]:
    """Return revision and name of every policy that decided changes of this time."""
    query = (
        select(_D.revision, _D.policy)
        .join(changes, _IN_FORCE)
        .where(*within.at(_C.submitted_at), *within.place(), _D.policy.is_not(None))
        .distinct()
    )
    return [(revision, policy) for revision, policy in conn.execute(query)]


def changes_by(
    conn: Connection, within: Within, policies: Collection[tuple[str, str]]
) -> Iterator[list[tuple[StoredChange, Record]]]:
    """Yield the changes of this time that one of these policies decided, some at a time."""
    query = (
        select(changes)
        .join(decisions, _IN_FORCE)
        .where(
            *within.at(_C.submitted_at),
            *within.place(),
            tuple_(_D.revision, _D.policy).in_(policies),
        )
        .order_by(_C.id)
        .limit(CHANGES_AT_ONCE)
    )
    after = ""
    while some := change_rows.every(conn, query.where(_C.id > after)):
        records = decision_rows.records(conn, [(one.id, one.decision) for one in some])
        yield [(one, read_record(records[one.id])) for one in some]
        after = some[-1].id
