"""The consequences of complete approvals, and of another decision in force."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from gate.core.change import State
from gate.core.decision.record import Record
from gate.flow.changes.compose import rollups
from gate.flow.changes.held import hold_of
from gate.flow.entries import append_entry
from gate.flow.identity.membership import still_missing
from gate.flow.learning.waits import keep_wait
from gate.flow.notifications.events import settled
from gate.flow.rulebooks import Rulebook
from gate.ledger.format import Kind
from gate.storage.changes import approvals, moves
from gate.storage.changes.approvals import Approval
from gate.storage.database.tx import Tx
from gate.storage.tables.stored_change import StoredChange


def settle(
    tx: Tx, stored: StoredChange, record: Record, excluded: Collection[str], book: Rulebook
) -> bool:
    """Approve a pending change if its approvals are complete; return whether it was.

    What holds it is looked up anew, because a freeze may have begun since the decision. The time in
    which a held change may be deployed begins when its hold ends.
    """
    given = approvals.of_change(tx.conn, stored.id)
    if any(still_missing(given, record, excluded, book.catalogue)):
        return False
    hold = hold_of(tx.conn, replace(stored, excused=record.decision.excused), book, tx.now)
    moved = moves.move(
        tx,
        stored.id,
        from_state=State.PENDING,
        of_decision=record.number,
        state=State.APPROVED,
        hold=hold,
        expires_at=None,
        time_left=timedelta(seconds=record.decision.terms.valid_for_seconds) if hold else None,
        valid_until=None if hold else good_until(record, tx.now),
        redecide_at=None,
    )
    if moved:
        keep_wait(tx, stored, record, given, excluded, book)
        tx.add(rollups(record, ["approved_by_people"], at=tx.now))
        settled(tx, stored.id, record.number, record.subject_digest)
    return moved


def waits_anew(stored: StoredChange, record: Record, at: datetime) -> dict[str, object]:
    """Return the columns of a change that was approved and is pending again by the same decision.

    The time in which it has to be decided begins anew, and stands still while it is held.
    """
    left = timedelta(seconds=record.decision.terms.expires_after_seconds)
    held = stored.hold is not None
    return {
        "state": State.PENDING,
        "valid_until": None,
        "expires_at": None if held else at + left,
        "time_left": left if held else None,
    }


def good_by(
    stored: StoredChange, record: Record, taken: Sequence[Approval], left: Iterable[Approval]
) -> dict[str, object]:
    """Return the columns of a change that stays approved without the approvals `taken` back.

    Its time is moved only if it began with one of those approvals, and not with the end of a hold.
    Then it begins with the last approval that is left.
    """
    if stored.valid_until not in {good_until(record, one.at) for one in taken}:
        return {}
    counts = [one.at for one in left if not (one.rejected or one.lapsed_at)]
    if counts:
        return {"valid_until": good_until(record, max(counts))}
    return {}


def good_until(record: Record, at: datetime) -> datetime:
    """Return until when an approval given at this instant is good.

    Its time begins with the planned start if that is later, because nothing may be deployed before.
    """
    return max(at, record.asked.planned.start or at) + timedelta(
        seconds=record.decision.terms.valid_for_seconds
    )


def lapse(tx: Tx, record: Record, excluded: Collection[str]) -> None:
    """Lapse approvals that no longer count, and write a ledger entry for each.

    These are approvals of decisions that the one in force does not carry on, and those of people
    who are excluded now.
    """
    for one in approvals.lapse_all_but(
        tx, record.change, {record.number, *record.carries}, excluded
    ):
        append_entry(
            tx,
            Kind.LAPSE,
            record.change,
            by=one.person,
            subject_digest=one.subject_digest,
            number=one.decision,
        )
