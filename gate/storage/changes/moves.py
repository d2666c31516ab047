"""The only ways a change moves: compare, and set.

Whoever comes second gets False, and reads again.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, update

from gate.core.change import FINAL, MOVES, State
from gate.storage.database.tx import Tx
from gate.storage.tables.schema import changes

_PLACES = 0
"""What the locks of this file are about; `storage.incidents.incidents` has 1."""


def lock_place(tx: Tx, service: str, environment: str) -> None:
    """Until the transaction ends nobody else admits here: what is deploying here may be looked at
    and relied on.
    """
    tx.lock(_PLACES, service, environment)


def move(
    tx: Tx, change: str, *, from_states: Collection[State], of_decision: int, **columns: object
) -> bool:
    """Set columns if the change stands in one of these states, by this decision, and its time is
    not over.

    Only a move to `expired` asks for the opposite: that the time is over. Values are as in
    `StoredChange`. A move that `core.change.MOVES` does not know is a bug: ValueError; to stay is
    none.
    """
    to_state = columns.get("state")
    forbidden = [state for state in from_states if to_state not in {None, state, *MOVES[state]}]
    if forbidden:
        raise ValueError(f"no change moves from {forbidden[0]} to {to_state}")
    if to_state in FINAL:
        columns["ended_at"] = tx.now
    guard = or_(
        *(_stands(state, tx.now, overdue=to_state is State.EXPIRED) for state in from_states)
    )
    statement = (
        update(changes)
        .where(changes.c.id == change, changes.c.decision == of_decision, guard)
        .values(columns)
    )
    if tx.conn.execute(statement).rowcount != 1:
        return False
    tx.touch(change)
    return True


def _stands(state: State, now: datetime, *, overdue: bool) -> ColumnElement[bool]:
    ends = {State.PENDING: changes.c.expires_at, State.APPROVED: changes.c.valid_until}.get(state)
    if ends is None:
        return changes.c.state == state
    time = ends <= now if overdue else or_(ends.is_(None), ends > now)
    return and_(changes.c.state == state, time)
