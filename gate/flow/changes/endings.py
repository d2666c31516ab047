"""The end of a change, inside a transaction: closed, canceled or expired, with everything that
follows from it.
"""

from gate.core.change import FAILED_RESULTS, WAITING, State
from gate.flow.changes import aftermath
from gate.flow.changes.compose import rollups
from gate.flow.changes.known import Known
from gate.flow.entries import append_entry
from gate.flow.learning.waits import keep_wait_of
from gate.flow.rulebooks import Rulebook
from gate.ledger.format import Kind
from gate.storage.changes import closures, moves, reconsider
from gate.storage.changes.closures import Closing, Report
from gate.storage.database.tx import Tx

CHANGED = frozenset({Closing.CLOSED, Closing.WORSENED})
"""Reports after which the change says something else than before."""


def close(
    tx: Tx,
    known: Known,
    report: Report,
    book: Rulebook,
    *,
    by: str,
    rolled_back_by: str | None = None,
) -> Closing:
    """Take one report about the end of a deployment, and return what it did to the change.

    A failure may suspend the standard changes that it matched. Pending changes of the place are
    decided again, because they may have waited for this one.
    """
    stored = known.stored
    moves.lock_place(tx, stored.service, stored.environment)
    closing = closures.close(tx, stored, report, known.files)
    if closing in CHANGED or closing is Closing.UNMATCHED:
        append_entry(
            tx,
            Kind.CLOSURE,
            stored.id,
            by=by,
            result=report.result.value,
            matched=closing is not Closing.UNMATCHED,
            rolled_back_by=rolled_back_by,
        )
    if closing in CHANGED:
        failed = report.result in FAILED_RESULTS and not stored.failed
        verb = "closed" if closing is Closing.CLOSED else "worsened"
        measures = [f"{verb}_{report.result.value}"]
        tx.add(rollups(known.record, [*measures, "failed"] if failed else measures, at=tx.now))
        aftermath.after_closure(tx, known, report.result, book, was=stored.result, by=by)
        reconsider.ask(tx, stored.service, stored.environment)
    return closing


def cancel(
    tx: Tx,
    known: Known,
    by: str,
    book: Rulebook,
    *,
    comment: str = "",
    superseded_by: str | None = None,
) -> bool:
    """Cancel a change that waits. False: it no longer waits, or moved since it was read."""
    if known.stored.state not in WAITING or not _end_waiting(tx, known, State.CANCELED, book):
        return False
    append_entry(
        tx,
        Kind.CANCELLATION,
        known.stored.id,
        by=by,
        comment=comment or None,
        superseded_by=superseded_by,
    )
    return True


def expire(tx: Tx, known: Known, book: Rulebook) -> bool:
    """Expire a change whose time is over. False: it moved since it was read."""
    if not _end_waiting(tx, known, State.EXPIRED, book):
        return False
    append_entry(tx, Kind.EXPIRY, known.stored.id, state=known.stored.state.value)
    return True


def _end_waiting(tx: Tx, known: Known, state: State, book: Rulebook) -> bool:
    """End a change that waits in this state, and count it. False: it moved since it was read."""
    stored = known.stored
    moved = moves.move(
        tx,
        stored.id,
        from_state=stored.state,
        of_decision=stored.decision,
        state=state,
        redecide_at=None,
    )
    if moved:
        keep_wait_of(tx, known, book)
        tx.add(rollups(known.record, [state.value], at=tx.now))
        reconsider.ask(tx, stored.service, stored.environment)
    return moved
