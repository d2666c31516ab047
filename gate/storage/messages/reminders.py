"""Reminders of changes that wait long: those that were sent, and those that are due."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, select

from gate.core.change import State
from gate.storage.database.tx import Tx
from gate.storage.database.upsert import upsert
from gate.storage.database.values import every
from gate.storage.tables.schema import changes
from gate.storage.tables.schema_work import reminders

DUE_MAX = 100

_C, _R = changes.c, reminders.c
_PENDING = _C.state == State.PENDING


@dataclass(frozen=True, slots=True)
class Due:
    """A change that waits for its approvers, and the decision that asks them."""

    change: str
    decision: int


def take_due(tx: Tx, policy: str, *, stage: int, older_than: timedelta) -> list[Due]:
    """Return pending changes of a policy that are due for a reminder of this stage, and keep that
    they had it. Held changes are left out, because nobody could let them pass.
    """
    statement = (
        select(_C.id, _C.decision)
        .select_from(changes.outerjoin(reminders, _R.change_id == _C.id))
        .where(
            _PENDING,
            _C.policy == policy,
            _C.hold.is_(None),
            _C.submitted_at <= tx.now - older_than,
        )
        .where(
            _C.expires_at.is_(None) | (_C.expires_at > tx.now),
            func.coalesce(_R.stage, 0) < stage,
        )
        .order_by(_C.submitted_at)
        .limit(DUE_MAX)
    )
    found = list(every(tx.conn, Due, statement))
    for one in found:
        upsert(tx, reminders, {"change_id": one.change, "stage": stage, "at": tx.now})
    return found


def forget_settled(tx: Tx) -> None:
    """Delete what is kept of changes that are no longer pending."""
    pending = select(_C.id).where(_C.id == _R.change_id, _PENDING).exists()
    tx.conn.execute(delete(reminders).where(~pending))
