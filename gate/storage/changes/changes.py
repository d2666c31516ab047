"""The row of a change as a value, and the queries that find one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, select, tuple_

from gate.core.change import Result, Run, State
from gate.core.decision.asked import RequestDetails
from gate.core.decision.record import read_asked
from gate.core.decision.values import Band, ChangeType, Hold, Outcome, Route
from gate.core.instants import to_us
from gate.storage.database import values
from gate.storage.tables.columns import equals
from gate.storage.tables.schema import changes

SUPERSEDED_MAX = 200
"""How many changes one admission cancels; the next admission takes those that are left."""

ROLLED_BACK_MAX = 100
"""How many deployments one rollback closes; those that are left stay in flight and go on stopping
others."""


def state_at(
    state: State, expires_at: datetime | None, valid_until: datetime | None, now: datetime
) -> State:
    """Return the state at this instant: the stored one, or `expired` if its time is over.

    The worker writes `expired` a little later, and until then a reader must not see it as waiting.
    """
    ends = {State.PENDING: expires_at, State.APPROVED: valid_until}.get(state)
    if ends is not None and ends <= now:
        return State.EXPIRED
    return state


@dataclass(frozen=True, slots=True)
class StoredChange:
    """Every column, in the order of the table.

    `state` is the stored one: ask `state_at` what it is now.
    """

    id: str
    service: str
    environment: str
    repository_issuer: str | None
    repository_id: int | None
    commit: str
    digests: tuple[str, ...]
    direction: str
    lines: int | None
    caller: str
    run_id: str | None
    run_attempt: int | None
    run_step: str | None
    run_key: str | None
    subject_key: str
    content_key: str
    state: State
    type: ChangeType
    route: Route
    outcome: Outcome
    # What it would have been, had the gate enforced.
    would: Outcome | None
    band: Band
    score: int
    policy: str | None
    standard_change: str | None
    matched: tuple[str, ...]
    hold: Hold | None
    excused: bool
    decision: int
    subject_digest: str
    running_change: str | None
    parallel: bool
    submitted_at: datetime
    decided_at: datetime
    settled_at: datetime | None
    expires_at: datetime | None
    time_left: timedelta | None
    redecide_at: datetime | None
    valid_until: datetime | None
    planned_start: datetime | None
    planned_end: datetime | None
    close_within_seconds: int
    admitted_at: datetime | None
    admitted_run_id: str | None
    admitted_run_attempt: int | None
    admitted_run_step: str | None
    same_commit: bool | None
    close_by: datetime | None
    ended_at: datetime | None
    closed_at: datetime | None
    result: Result | None
    failed: bool
    failed_at: datetime | None
    detail: bytes

    def state_at(self, now: datetime) -> State:
        """Return the state at this instant; see the function `state_at`."""
        return state_at(self.state, self.expires_at, self.valid_until, now)

    @property
    def asked(self) -> RequestDetails:
        """What the caller said beside the subject; read anew at each call."""
        return read_asked(self.detail)

    @property
    def admitted_run(self) -> Run | None:
        """The run that consumed the approval."""
        if self.admitted_run_id is None:
            return None
        return Run(
            self.admitted_run_id, self.admitted_run_attempt or 1, self.admitted_run_step or ""
        )


def read(conn: Connection, change: str) -> StoredChange | None:
    """Return the change of that id, or None."""
    return first(conn, select(changes).where(changes.c.id == change))


def of_run(conn: Connection, run_key: str) -> StoredChange | None:
    """Return the change that has the natural key of this run, or None."""
    return first(conn, select(changes).where(changes.c.run_key == run_key))


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
