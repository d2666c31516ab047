"""What the chat gets at its time: reminders of changes that wait long, and the week's pack."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, delete, func, select

from gate.core.change import State
from gate.storage.database.tx import Tx
from gate.storage.database.upsert import insert_new, upsert
from gate.storage.database.values import every
from gate.storage.tables.schema import changes
from gate.storage.tables.schema_work import reminders, weekly_posts

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


def is_posted(conn: Connection, week: str) -> bool:
    """Whether the pack of this week was put into the outbox."""
    query = select(weekly_posts.c.week).where(weekly_posts.c.week == week)
    return conn.execute(query).first() is not None


def take_week(tx: Tx, week: str) -> bool:
    """Keep that the pack of this week is put into the outbox. False: another one was first."""
    return insert_new(tx, weekly_posts, {"week": week, "at": tx.now})
