"""A change stops waiting for people: how long it waited, and for whom, is kept for the figures.

It is called by whatever moves a change out of `pending`, in the same transaction.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from gate.core.change import State
from gate.core.decision.record import Record
from gate.core.learning.waiting import CountedApproval, seconds_by_group
from gate.core.learning.weeks import week_of
from gate.flow.changes.known import Known
from gate.flow.identity.membership import counted
from gate.flow.rulebooks import Rulebook
from gate.storage.changes.approvals import Approval
from gate.storage.database.tx import Tx
from gate.storage.figures import waits
from gate.storage.tables.stored_change import StoredChange

_SECOND = timedelta(seconds=1)


def keep_wait_of(tx: Tx, known: Known, book: Rulebook) -> None:
    """Keep how long a change waited that people asked, or the gate itself, have moved on."""
    keep_wait(tx, known.stored, known.record, known.approvals, known.people.excluded, book)


def keep_wait(
    tx: Tx,
    stored: StoredChange,
    record: Record,
    given: Iterable[Approval],
    excluded: Collection[str],
    book: Rulebook,
) -> None:
    """Keep how long the change waited until now, and for each group that `record` asks.

    `stored` is the change as it was while it waited. A change that asks nobody waits for nobody.
    """
    required = record.decision.required
    if stored.state is not State.PENDING or not required:
        return
    given = tuple(given)
    groups = counted(given, record, excluded, book.catalogue)
    approvals = [
        CountedApproval(one.person, groups[one.person], one.at)
        for one in given
        if one.person in groups
    ]
    waited = _waited(stored, record, tx.now)
    by_group = seconds_by_group(required, approvals, waited=waited, ended_at=tx.now)
    week = week_of(tx.now, book.calendar.zone).name
    waits.add(tx, stored, week, waited // _SECOND, by_group)


def _waited(stored: StoredChange, record: Record, at: datetime) -> timedelta:
    """Return how long it waited, without the time in which it was held.

    The time that it has left stands still while it is held, and begins anew when it waits anew, so
    what is used up of it is exactly that. Terms that another decision changed meanwhile are the
    exception, therefore it is never longer than the time since the submit.
    """
    allowed = timedelta(seconds=record.decision.terms.expires_after_seconds)
    whole = max(at - stored.submitted_at, timedelta(0))
    left = stored.time_left
    if stored.expires_at is not None:
        left = max(stored.expires_at - at, timedelta(0))
    used = whole if left is None else allowed - left
    return min(max(used, timedelta(0)), whole)
