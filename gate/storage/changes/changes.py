"""The queries that find a change, or several."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, select, tuple_

from gate.core.change import State
from gate.core.decision.values import ChangeType
from gate.core.instants import to_us
from gate.storage.database import values
from gate.storage.tables.columns import equals
from gate.storage.tables.schema import changes, post_reviews
from gate.storage.tables.stored_change import StoredChange

SUPERSEDED_MAX = 200
"""The most changes that one admission cancels. The next admission takes those that are left."""

ROLLED_BACK_MAX = 100
"""The most deployments that one rollback closes. Those that are left stay in flight and go on
stopping others."""

_OPEN = (State.PENDING, State.APPROVED, State.DEPLOYING)


def read(conn: Connection, change: str) -> StoredChange | None:
    """Return the change of that id, or None."""
    return first(conn, select(changes).where(changes.c.id == change))


def existing(conn: Connection, change: str) -> StoredChange:
    """Return the change of an id that was read before.

    It raises where there is none, because changes are never deleted.
    """
    found = read(conn, change)
    if found is None:
        raise LookupError(change)
    return found


def of_run(conn: Connection, run_key: str) -> StoredChange | None:
    """Return the change that has the natural key of this run, or None."""
    return first(conn, select(changes).where(changes.c.run_key == run_key))


def open_or_owed(conn: Connection) -> list[str]:
    """Return the ids of all changes that are open, or whose review is owed, in their order."""
    going = select(changes.c.id).where(changes.c.state.in_(_OPEN))
    owed = select(post_reviews.c.change_id).where(post_reviews.c.done_at.is_(None))
    return sorted({*conn.execute(going).scalars(), *conn.execute(owed).scalars()})


def due_to_expire(conn: Connection, now: datetime, limit: int) -> list[str]:
    """Return the ids of pending and approved changes whose time is over, longest first."""
    here = changes.c
    pending = (
        select(here.id)
        .where(_state(State.PENDING), here.expires_at <= now)
        .order_by(here.expires_at)
    )
    approved = (
        select(here.id)
        .where(_state(State.APPROVED), here.valid_until <= now)
        .order_by(here.valid_until)
    )
    found = list(conn.execute(pending.limit(limit)).scalars())
    return found + list(conn.execute(approved.limit(limit - len(found))).scalars())


def due_to_redecide(conn: Connection, now: datetime, limit: int) -> list[str]:
    """Return the ids of changes that are due to be decided again, longest first."""
    due = (
        select(changes.c.id)
        .where(changes.c.redecide_at <= now)
        .order_by(changes.c.redecide_at, changes.c.id)
    )
    return list(conn.execute(due.limit(limit)).scalars())


def superseded_by(conn: Connection, change: StoredChange) -> tuple[StoredChange, ...]:
    """Return changes of the place that were submitted before this one and still wait.

    Emergencies and rollbacks are left out. Approved ones are first, because a caller who submits as
    many others as one admission cancels could otherwise keep an old approval.
    """
    # `+ 0` keeps SQLite from using the index of all changes that the place ever had: few of them
    # wait, and those have an index of their own.
    earlier = tuple_(changes.c.submitted_at + 0, changes.c.id) < tuple_(
        to_us(change.submitted_at), change.id
    )
    found: tuple[StoredChange, ...] = ()
    for state in (State.APPROVED, State.PENDING):
        waiting = and_(
            *(
                changes.c.service == change.service,
                changes.c.environment == change.environment,
                _state(state),
                earlier,
            ),
            *(changes.c.type != ChangeType.EMERGENCY, changes.c.direction != "rollback"),
        )
        found += every(conn, select(changes).where(waiting).limit(SUPERSEDED_MAX - len(found)))
    return found


def in_flight(conn: Connection, rollback: StoredChange, now: datetime) -> tuple[StoredChange, ...]:
    """Return other changes that are deploying in the place of the rollback, the newest first.

    Those whose time limit is over are left out, because they no longer count as in flight.
    """
    here = (
        changes.c.service == rollback.service,
        changes.c.environment == rollback.environment,
        _state(State.DEPLOYING),
    )
    query = select(changes).where(*here, changes.c.close_by > now, changes.c.id != rollback.id)
    return every(
        conn,
        query.order_by(changes.c.admitted_at.desc(), changes.c.id.desc()).limit(ROLLED_BACK_MAX),
    )


def first(conn: Connection, query: Select[Any]) -> StoredChange | None:
    """Return the first change that a query of whole rows finds, or None."""
    return values.first(conn, StoredChange, query)


def every(conn: Connection, query: Select[Any]) -> tuple[StoredChange, ...]:
    """Return all changes that a query of whole rows finds. The query itself has to have a limit."""
    return values.every(conn, StoredChange, query)


def _state(state: State) -> ColumnElement[bool]:
    return equals(changes.c.state, state)
