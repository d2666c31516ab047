"""Changes that wait for people or for the end of a hold, with the decisions that say what they wait
for: all of them, or those that moved.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, case, func, or_, select, tuple_

from gate.core.change import State
from gate.storage.changes.approvals import GIVEN, Approval, approval_of
from gate.storage.database.values import every
from gate.storage.tables.columns import as_stored, equals
from gate.storage.tables.schema import approvals, changes, decisions

WAITING_MAX = 20_000
"""The most waiting changes in the queue, the newest ones. The list of changes has the others."""

IDS_AT_ONCE = 500
HELD = "held"


class Stored(NamedTuple):
    """One change that waits, and the bytes of its decision in force.

    Instants are as the database keeps them: thousands of these stay in memory and are compared.
    """

    id: str
    state: State
    decision: int
    held: bool
    expires_at: int | None
    submitted_at: int
    record: bytes


def decisions_of_waiting(conn: Connection) -> dict[str, tuple[int, bool, int | None]]:
    """Return for each waiting change the number of its decision, whether it is held, and when it
    expires.

    That is cheap to read, and enough to find those that moved.
    """
    query = select(
        changes.c.id,
        changes.c.decision,
        changes.c.hold.is_not(None),
        as_stored(changes.c.expires_at),
    ).where(_WAITS)
    newest = query.order_by(changes.c.submitted_at.desc(), changes.c.id.desc()).limit(WAITING_MAX)
    return {
        change: (decision, bool(held), expires)
        for change, decision, held, expires in conn.execute(newest)
    }


def counted(conn: Connection) -> dict[str, tuple[int, datetime]]:
    """Return how many changes are pending and how many are held, and when the oldest of each was
    submitted. What nothing waits for is left out.
    """
    state = case((changes.c.hold.is_not(None), HELD), else_=State.PENDING.value)
    query = (
        select(state, func.count(), func.min(changes.c.submitted_at)).where(_WAITS).group_by(state)
    )
    return {name: (count, oldest) for name, count, oldest in conn.execute(query)}


def read(conn: Connection, ids: Collection[str]) -> Iterable[Stored]:
    """Yield those of these changes that still wait."""
    for some in _slices(sorted(ids)):
        yield from every(conn, Stored, _joined().where(_WAITS, changes.c.id.in_(some)))


def approvals_of(conn: Connection, ids: Collection[str]) -> dict[str, list[Approval]]:
    """Return approvals and rejections of each of these changes, lapsed approvals too."""
    found: dict[str, list[Approval]] = {}
    for some in _slices(sorted(ids)):
        for row in conn.execute(GIVEN.where(approvals.c.change_id.in_(some))):
            found.setdefault(row.change_id, []).append(approval_of(row))
    return found


def ids_with_approvals(conn: Connection) -> set[str]:
    """Return the ids of waiting changes that somebody has approved or rejected, or once did."""
    query = (
        select(approvals.c.change_id)
        .distinct()
        .join(changes, changes.c.id == approvals.c.change_id)
        .where(_WAITS)
    )
    return set(conn.execute(query).scalars())


_WAITS = or_(
    equals(changes.c.state, State.PENDING),
    and_(equals(changes.c.state, State.APPROVED), changes.c.hold.is_not(None)),
)


def _joined() -> Select[Any]:
    columns = (
        changes.c.id,
        changes.c.state,
        changes.c.decision,
        changes.c.hold.is_not(None),
        as_stored(changes.c.expires_at),
        as_stored(changes.c.submitted_at),
    )
    in_force = tuple_(decisions.c.change_id, decisions.c.number) == tuple_(
        changes.c.id, changes.c.decision
    )
    return select(*columns, decisions.c.record).join(decisions, in_force)


def _slices(ids: list[str]) -> Iterable[list[str]]:
    for begin in range(0, len(ids), IDS_AT_ONCE):
        yield ids[begin : begin + IDS_AT_ONCE]
