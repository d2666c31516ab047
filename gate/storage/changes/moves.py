"""The only ways in which a change moves from state to state: compare, and set.

A caller that comes second gets False, and has to read the change again.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, update

from gate.core.change import FINAL, MOVES, State
from gate.storage.database.tx import Tx
from gate.storage.tables.schema import changes

# States that say who let the change pass, or that it will not pass. How a deployment goes on
# changes nothing about that, so the others are not among them.
_SETTLED = frozenset({State.APPROVED, State.REJECTED, State.EXPIRED, State.CANCELED})

_PLACES = 0
"""The subject of the locks of this file, as `Tx.lock` takes it; `storage.incidents.incidents` has
1."""


def lock_place(tx: Tx, service: str, environment: str) -> None:
    """Lock one service in one environment until the transaction ends.

    Nobody else is admitted or closed there meanwhile, so what was read about the place stays true.
    """
    tx.lock(_PLACES, service, environment)


def move(tx: Tx, change: str, *, from_state: State, of_decision: int, **columns: object) -> bool:
    """Set columns if the change is in this state, by this decision, and its time is not over.
    Returns whether it was.

    A move to `expired` asks for the opposite: that its time is over. Values are as in
    `StoredChange`. To stay in a state is no move. A move that `core.change.MOVES` does not allow
    raises ValueError, because it is a bug.
    """
    to_state = columns.get("state")
    if to_state not in {None, from_state, *MOVES[from_state]}:
        raise ValueError(f"no change moves from {from_state} to {to_state}")
    if to_state in FINAL:
        columns["ended_at"] = tx.now
    if to_state in _SETTLED:
        columns["settled_at"] = tx.now
    if to_state is State.PENDING:
        columns["settled_at"] = None
    stands = _stands(from_state, tx.now, overdue=to_state is State.EXPIRED)
    statement = (
        update(changes)
        .where(changes.c.id == change, changes.c.decision == of_decision, stands)
        .values(columns)
    )
    if tx.conn.execute(statement).rowcount != 1:
        return False
    tx.touch(change)
    return True


def _stands(state: State, now: datetime, *, overdue: bool) -> ColumnElement[bool]:
    """Return the condition that a row is in this state, and its time is over or, usually, is not.

    The time is compared here because a change expires by the clock, before the worker writes so.
    """
    ends = {State.PENDING: changes.c.expires_at, State.APPROVED: changes.c.valid_until}.get(state)
    if ends is None:
        return changes.c.state == state
    time = ends <= now if overdue else or_(ends.is_(None), ends > now)
    return and_(changes.c.state == state, time)
