"""People decide: approve, reject, and override what holds a change.

An approval or a rejection names the digest of what its person was shown, and is refused where
something else is in force by now. Nobody approves or overrides for a change of their own.
"""

from collections.abc import Callable
from typing import TypeAlias

from gate.core.calendar import freeze
from gate.core.change import State
from gate.core.decision.admission import Refusal
from gate.flow.answers.change import ChangeAnswer
from gate.flow.caller import Person
from gate.flow.changes import entitlement
from gate.flow.changes.again import decide_again
from gate.flow.changes.held import open_windows, release
from gate.flow.changes.known import (
    Known,
    keep_excluded,
    know_existing,
    learnt_since,
    shown_change,
    visible_change,
)
from gate.flow.changes.settle import good_by, settle, waits_anew
from gate.flow.commands import OverrideCommand, ReviewCommand
from gate.flow.entries import append_entry
from gate.flow.gate import Gate
from gate.flow.identity.membership import as_of_now, counted, still_missing
from gate.flow.identity.presence import require_presence
from gate.flow.learning.waits import keep_wait_of
from gate.flow.refusals import Refused
from gate.flow.refuse import refuse
from gate.flow.rulebooks import Rulebook, Rulebooks
from gate.ledger.format import Kind
from gate.storage.changes import approvals, moves, reconsider
from gate.storage.changes.approvals import REJECTION, Approval, Override
from gate.storage.database.tx import Tx
from gate.storage.texts import keep_text

Act: TypeAlias = Callable[[Tx, Known, Person, Rulebook], Refusal | None]

_DOING = {
    "approval": "approve",
    "rejection": "reject",
    "override": "override",
    "withdrawal": "take back approvals",
}


async def approve(gate: Gate, change_id: str, command: ReviewCommand, by: Person) -> ChangeAnswer:
    """Record one person's approval and return the change, which is approved if none is missing.

    A second approval by the same person changes nothing.

    Raises `NotAllowed` for a person who is not asked or took part in the change, `Conflict` where
    something else is in force by now.
    """
    return await _act(
        gate,
        change_id,
        by,
        "approval",
        lambda tx, known, person, book: _approve(tx, known, command, person, book),
    )


async def reject(gate: Gate, change_id: str, command: ReviewCommand, by: Person) -> ChangeAnswer:
    """Record one person's rejection, which ends the change, and return it. Raises as `approve`."""
    return await _act(
        gate,
        change_id,
        by,
        "rejection",
        lambda tx, known, person, book: _reject(tx, known, command, person, book),
    )


async def take_back(gate: Gate, change_id: str, by: Person) -> ChangeAnswer:
    """Take back the approvals of this person; a change that lacks them then is pending again.

    That is possible until the admission, because a deployment under way is not stopped by taking
    back an approval. Raises `Conflict` for a person who has given none that counts, and for a
    change that is deploying or over.
    """
    return await _act(gate, change_id, by, "withdrawal", _take_back)


async def override(
    gate: Gate, change_id: str, command: OverrideCommand, by: Person
) -> ChangeAnswer:
    """Lift a window, the stopped line or a rejection for this change alone, and return the change.

    After a rejection is lifted, the commit may be asked for anew.
    """
    await _act(
        gate,
        change_id,
        by,
        "override",
        lambda tx, known, person, book: _override(tx, known, command, person, book),
    )
    # A second step, because it gathers facts and so cannot run inside the transaction of the act.
    known = await visible_change(gate, change_id, by)
    match known.stored.state_at(gate.clock()):
        case State.PENDING:
            await decide_again(gate, known)
        case State.APPROVED:
            await release(gate, known)
    return await shown_change(gate, change_id, by)


async def _act(gate: Gate, change_id: str, by: Person, operation: str, act: Act) -> ChangeAnswer:
    known = await visible_change(gate, change_id, by)
    require_presence(gate, by, _DOING[operation])
    # A set that was just activated is compiled here, so that the writer need not wait for that.
    await gate.rulebooks.current()
    refused = await gate.store.write(_in_turn, gate.rulebooks, known, by, act)
    if refused is not None:
        attempt = Refused(by.caller, operation, refused.problem, change_id)
        raise await refuse(gate, attempt, entitlement.error_of(refused))
    gate.waiters.wake(change_id)
    return await shown_change(gate, change_id, by)


def _in_turn(tx: Tx, books: Rulebooks, before: Known, by: Person, act: Act) -> Refusal | None:
    """Run one act under the lock of its place, by the catalogue that is in force at that moment.

    The change and the person are read again here: what was read before the lock may have moved
    since.
    """
    moves.lock_place(tx, before.stored.service, before.stored.environment)
    book = books.in_force(tx)
    by = as_of_now(tx.conn, by, book.catalogue)
    known = know_existing(tx.conn, books, before.stored.id, book)
    keep_excluded(tx, known)
    return act(tx, known, by, book)


def _approve(
    tx: Tx, known: Known, command: ReviewCommand, by: Person, book: Rulebook
) -> Refusal | None:
    refused = entitlement.why_not_approve(known, by, tx.now) or _not_shown(known, command)
    if refused is not None:
        return refused
    if by.id in counted(known.approvals, known.record, known.people.excluded, book.catalogue):
        # The approval counts once, however often it is given. But somebody may be in a group again
        # who was not when approvals were counted last, so they are counted anew.
        settle(tx, known.stored, known.record, known.people.excluded, book)
        return None
    # Sets what is there already: this only proves that the change still waits by this decision.
    if not moves.move(
        tx,
        known.stored.id,
        from_state=State.PENDING,
        of_decision=known.stored.decision,
        decision=known.stored.decision,
    ):
        return _moved_on()
    _keep(tx, known, command, by, rejected=False)
    settle(tx, known.stored, known.record, known.people.excluded, book)
    return None


def _reject(
    tx: Tx, known: Known, command: ReviewCommand, by: Person, book: Rulebook
) -> Refusal | None:
    refused = entitlement.why_not_reject(known, by, tx.now) or _not_shown(known, command)
    if refused is not None:
        return refused
    if not moves.move(
        tx,
        known.stored.id,
        from_state=State.PENDING,
        of_decision=known.stored.decision,
        state=State.REJECTED,
    ):
        return _moved_on()
    keep_wait_of(tx, known, book)
    _keep(tx, known, command, by, rejected=True)
    return None


def _take_back(tx: Tx, known: Known, by: Person, book: Rulebook) -> Refusal | None:
    refused = entitlement.why_not_take_back(known, by, tx.now)
    if refused is not None:
        return refused
    stored, record = known.stored, known.record
    state = stored.state_at(tx.now)
    mine = [one for one in known.approvals if one.person == by.id]
    others = [one for one in known.approvals if one.person != by.id]
    missing = still_missing(others, record, known.people.excluded, book.catalogue)
    again = {}
    if state is State.APPROVED:
        lacks = any(missing)
        again = (
            waits_anew(stored, record, tx.now) if lacks else good_by(stored, record, mine, others)
        )
    # The row is set even where the state stays, so that a cancellation at this moment comes either
    # before or after this act, and never between its parts.
    if not moves.move(
        tx,
        stored.id,
        from_state=state,
        of_decision=stored.decision,
        **{"decision": stored.decision, **again},
    ):
        return _moved_on()
    for one in approvals.take_back(tx, stored.id, by.id):
        append_entry(
            tx,
            Kind.LAPSE,
            stored.id,
            by=by.id,
            subject_digest=one.subject_digest,
            number=one.decision,
            taken_back=True,
            token=by.token,
        )
    if again:
        reconsider.ask(tx, stored.service, stored.environment)
    return None


def _override(
    tx: Tx, known: Known, command: OverrideCommand, by: Person, book: Rulebook
) -> Refusal | None:
    if command.window is None and not command.stop:
        return _lift_rejection(tx, known, command, by, book)
    opened = open_windows(tx.conn, known.stored, book, tx.now)
    refused = entitlement.why_not_override(known, command.window, by, book, opened, tx.now)
    if refused is not None:
        return refused
    for window in entitlement.meant(command.window, opened):
        # A second override of the same window changes nothing, unless the first one is void because
        # its person turned out to be excluded.
        if not freeze.is_overridden(window, known.overridden):
            _keep_override(tx, known, window.id, command.comment, by)
    return None


def _lift_rejection(
    tx: Tx, known: Known, command: OverrideCommand, by: Person, book: Rulebook
) -> Refusal | None:
    refused = entitlement.why_not_lift(known, by, book)
    if refused is None and REJECTION not in known.overridden:
        _keep_override(tx, known, REJECTION, command.comment, by)
    return refused


def _not_shown(known: Known, command: ReviewCommand) -> Refusal | None:
    if command.subject_digest == known.record.subject_digest:
        return None
    return Refusal(
        "subject_mismatch",
        "the change was decided again since you looked; look at it as it is now, then decide",
    )


def _moved_on() -> Refusal:
    return Refusal("state_conflict", "somebody else was first; look at the change again")


def _keep(tx: Tx, known: Known, command: ReviewCommand, by: Person, *, rejected: bool) -> None:
    comment = keep_text(tx, command.comment)
    given = Approval(by.id, known.record.number, rejected, command.subject_digest, comment, tx.now)
    approvals.add(tx, known.stored.id, given)
    kind = Kind.REJECTION if rejected else Kind.APPROVAL
    append_entry(
        tx,
        kind,
        known.stored.id,
        by=by.id,
        subject_digest=command.subject_digest,
        number=known.record.number,
        token=by.token,
        comment=comment or None,
        **learnt_since(known),
    )


def _keep_override(tx: Tx, known: Known, window: str, comment: str, by: Person) -> None:
    kept = keep_text(tx, comment)
    approvals.add_override(tx, known.stored.id, Override(window, by.id, kept, tx.now))
    append_entry(
        tx,
        Kind.OVERRIDE,
        known.stored.id,
        by=by.id,
        window=window,
        comment=kept,
        token=by.token,
        **learnt_since(known),
    )
