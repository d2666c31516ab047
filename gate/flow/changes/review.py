"""People decide: approve, reject, and override what holds a change.

Bound to what they were shown, never for their own change.
"""

from collections.abc import Callable
from typing import TypeAlias

from gate.core.calendar import freeze
from gate.core.catalogue.catalogue import OWNERS_OF_LAST_RESORT
from gate.core.change import State
from gate.core.decision.admission import Refusal
from gate.core.decision.values import Route
from gate.errors import Conflict, NotAllowed
from gate.flow.answers.change import ChangeAnswer
from gate.flow.asks import OverrideAsk, ReviewAsk
from gate.flow.caller import Person
from gate.flow.changes.again import decide_again
from gate.flow.changes.endings import tell
from gate.flow.changes.excluded import learnt_since, remember
from gate.flow.changes.held import release
from gate.flow.changes.known import Known, know, visible_change
from gate.flow.changes.settle import good_by, settle, waits_anew
from gate.flow.gate import Gate
from gate.flow.identity.membership import counted, still_missing
from gate.flow.identity.presence import require_presence
from gate.flow.refusals import Refused
from gate.flow.refuse import refuse
from gate.flow.rulebooks import Rulebook, Rulebooks
from gate.ledger.format import Kind
from gate.storage.changes import approvals, moves, reconsider
from gate.storage.changes.approvals import REJECTION, Approval, Override
from gate.storage.database.tx import Tx
from gate.storage.policies import freezes
from gate.storage.texts import insert_texts, new_text

Act: TypeAlias = Callable[[Tx, Known, Person, Rulebook], Refusal | None]

_DUTIES = "separation_of_duties"
_DOING = {
    "approval": "approve",
    "rejection": "reject",
    "override": "override",
    "withdrawal": "take back approvals",
}
_NOT_ALLOWED = frozenset({_DUTIES, "not_allowed"})


async def approve(gate: Gate, change_id: str, ask: ReviewAsk, by: Person) -> ChangeAnswer:
    """One person's approval of what they were shown; complete, it approves the change.

    The same person again changes nothing.

    Raises `NotAllowed` for whoever is not asked or wrote the change, `Conflict` where something
    else is in force by now.
    """
    return await _act(
        gate,
        change_id,
        by,
        "approval",
        lambda tx, known, person, book: _approve(tx, known, ask, person, book),
    )


async def reject(gate: Gate, change_id: str, ask: ReviewAsk, by: Person) -> ChangeAnswer:
    """One person's no ends the change. Raises as `approve` does."""
    return await _act(
        gate,
        change_id,
        by,
        "rejection",
        lambda tx, known, person, book: _reject(tx, known, ask, person, book),
    )


async def take_back(gate: Gate, change_id: str, by: Person) -> ChangeAnswer:
    """The approval of whoever asks no longer counts; a change that lacks it then is pending again.

    Until the admission: what is being deployed is not stopped by words. Raises `Conflict` for
    whoever has given no approval that counts, and where the change is past it.
    """
    return await _act(gate, change_id, by, "withdrawal", _take_back)


async def override(gate: Gate, change_id: str, ask: OverrideAsk, by: Person) -> ChangeAnswer:
    """A window or a stopped line no longer holds this change; or a rejection is lifted, so that it
    may be asked for anew.
    """
    await _act(
        gate,
        change_id,
        by,
        "override",
        lambda tx, known, person, book: _override(tx, known, ask, person, book),
    )
    known = await visible_change(gate, change_id, by)
    match known.stored.state_at(gate.clock()):
        case State.PENDING:
            await decide_again(gate, known)
        case State.APPROVED:
            await release(gate, known)
    return (await visible_change(gate, change_id, by)).answer(gate.clock(), gate.base_url)


async def _act(gate: Gate, change_id: str, by: Person, operation: str, act: Act) -> ChangeAnswer:
    known = await visible_change(gate, change_id, by)
    require_presence(gate, by, _DOING[operation])
    await gate.rulebooks.current()
    refused = await gate.store.write(_in_turn, gate.rulebooks, known, by, act)
    if refused is not None:
        error = (NotAllowed if refused.problem in _NOT_ALLOWED else Conflict)(
            refused.detail, problem=refused.problem
        )
        raise await refuse(gate, Refused(by.caller, operation, refused.problem, change_id), error)
    gate.waiters.wake(change_id)
    return (await visible_change(gate, change_id, by)).answer(gate.clock(), gate.base_url)


def _in_turn(tx: Tx, books: Rulebooks, before: Known, by: Person, act: Act) -> Refusal | None:
    """Everybody who acts here at once does so one after the other, and by the catalogue that is in
    force at that moment.
    """
    moves.lock_place(tx, before.stored.service, before.stored.environment)
    book = books.in_force(tx)
    known = know(tx.conn, books, before.stored.id, book)
    if known is None:
        # Changes are never deleted.
        raise LookupError(before.stored.id)
    remember(tx, known.stored, known.record, known.names, known.people.excluded)
    return act(tx, known, by, book)


def _approve(tx: Tx, known: Known, ask: ReviewAsk, by: Person, book: Rulebook) -> Refusal | None:
    refused = _not_entitled(known, by) or _own_change(known, by) or _not_shown(tx, known, ask)
    if refused is not None:
        return refused
    if by.id in counted(known.approvals, known.record, known.people.excluded, book.catalogue):
        # counted once, however often it is said; but somebody may be in a group again who was not
        # when it was counted last
        settle(tx, known.stored, known.record, known.people.excluded, book)
        return None
    if not moves.move(
        tx,
        known.stored.id,
        from_states=(State.PENDING,),
        of_decision=known.stored.decision,
        decision=known.stored.decision,
    ):
        return _moved_on()
    _keep(tx, known, ask, by, rejected=False)
    settle(tx, known.stored, known.record, known.people.excluded, book)
    return None


def _reject(tx: Tx, known: Known, ask: ReviewAsk, by: Person, book: Rulebook) -> Refusal | None:
    # One entitled person's no is enough, whoever else is.
    _ = book
    refused = _not_entitled(known, by) or _not_shown(tx, known, ask)
    if refused is not None:
        return refused
    if not moves.move(
        tx,
        known.stored.id,
        from_states=(State.PENDING,),
        of_decision=known.stored.decision,
        state=State.REJECTED,
    ):
        return _moved_on()
    _keep(tx, known, ask, by, rejected=True)
    return None


def _take_back(tx: Tx, known: Known, by: Person, book: Rulebook) -> Refusal | None:
    stored, record = known.stored, known.record
    state = stored.state_at(tx.now)
    if state not in {State.PENDING, State.APPROVED}:
        return Refusal(
            "state_conflict",
            f"the change is {state.value}; an approval is taken back before its deployment begins",
        )
    mine = [one for one in known.approvals if one.person == by.id]
    if all(one.rejected or one.lapsed_at for one in mine):
        return Refusal("state_conflict", "no approval of yours counts for this change")
    others = [one for one in known.approvals if one.person != by.id]
    missing = still_missing(others, record, known.people.excluded, book.catalogue)
    again = {}
    if state is State.APPROVED:
        lacks = any(missing)
        again = (
            waits_anew(stored, record, tx.now) if lacks else good_by(stored, record, mine, others)
        )
    # set even where the state stays: whoever cancels at this moment is first, or comes after
    if not moves.move(
        tx,
        stored.id,
        from_states=(state,),
        of_decision=stored.decision,
        **{"decision": stored.decision, **again},
    ):
        return _moved_on()
    for one in approvals.take_back(tx, stored.id, by.id):
        tell(
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


def _override(tx: Tx, known: Known, ask: OverrideAsk, by: Person, book: Rulebook) -> Refusal | None:
    if ask.window is None and not ask.stop:
        return _lift_rejection(tx, known, ask, by, book)
    refused = _may_not_override(ask, by, book) or _own_change(known, by)
    if refused is not None:
        return refused
    stored = known.stored
    if stored.state_at(tx.now) not in {State.PENDING, State.APPROVED}:
        return Refusal(
            "state_conflict",
            f"the change is {stored.state_at(tx.now).value}; only a waiting one is held",
        )
    scope = freeze.scope_of(book.catalogue, stored.service, stored.environment)
    opened = freeze.open_windows(book.calendar, freezes.open_at(tx.conn, tx.now), scope, tx.now)
    meant = [
        window
        for window in opened
        if window.stop == ask.stop and (ask.stop or window.id == ask.window)
    ]
    if not meant:
        return Refusal(
            "state_conflict",
            f"{'no stopped line' if ask.stop else ask.window} holds this change now; look "
            "at its hold again",
        )
    for window in meant:
        _keep_override(tx, known, window.id, ask.comment, by)
    return None


def _may_not_override(ask: OverrideAsk, by: Person, book: Rulebook) -> Refusal | None:
    """Whoever is not entitled is refused whether or not the window is open: the state is none of
    theirs to try out.
    """
    named = {
        group for one in book.calendar.freezes if one.id == ask.window for group in one.override_by
    }
    allowed = {OWNERS_OF_LAST_RESORT, *named}
    if by.groups & allowed:
        return None
    what = "a stopped line" if ask.stop else str(ask.window)
    return Refusal(
        "not_allowed", f"{what} is overridden by {' or '.join(sorted(allowed))}; ask one of them"
    )


def _lift_rejection(
    tx: Tx, known: Known, ask: OverrideAsk, by: Person, book: Rulebook
) -> Refusal | None:
    refused = _may_not_lift(known, by, book) or _own_change(known, by)
    if refused is not None:
        return refused
    if known.stored.state is not State.REJECTED or known.stored.route is Route.AUTOMATIC:
        return Refusal(
            "state_conflict",
            "no person has rejected this change; name the window, or the stop, to override",
        )
    _keep_override(tx, known, REJECTION, ask.comment, by)
    return None


def _may_not_lift(known: Known, by: Person, book: Rulebook) -> Refusal | None:
    """Whoever may approve it.

    Where nobody was asked to, whoever would be asked for anything of the service.
    """
    if known.record.decision.required:
        return _not_entitled(known, by)
    allowed = {OWNERS_OF_LAST_RESORT, *(book.catalogue.owners_of(known.stored.service) or ())}
    if by.groups & allowed:
        return None
    return Refusal(
        "not_allowed",
        f"a rejection is lifted by {' or '.join(sorted(allowed))}; you are in none of these groups",
    )


def _not_entitled(known: Known, by: Person) -> Refusal | None:
    asked = [group for entry in known.record.decision.required for group in entry.by]
    if by.groups & set(asked):
        return None
    return Refusal(
        "not_allowed",
        f"this change asks for {' or '.join(dict.fromkeys(asked)) or 'nobody'}; you are in "
        "none of these groups",
    )


def _own_change(known: Known, by: Person) -> Refusal | None:
    if by.id not in known.people.excluded:
        return None
    return Refusal(
        _DUTIES, "you wrote or requested this change, or a part of it; somebody else has to decide"
    )


def _not_shown(tx: Tx, known: Known, ask: ReviewAsk) -> Refusal | None:
    state = known.stored.state_at(tx.now)
    if state is State.EXPIRED:
        return Refusal(
            "expired", "nobody decided in time, and the change has expired; the pipeline asks again"
        )
    if state is not State.PENDING:
        return Refusal("state_conflict", f"the change is {state.value} already")
    if ask.subject_digest != known.record.subject_digest:
        return Refusal(
            "subject_mismatch",
            "the change was decided again since you looked; look at it as it is now, then decide",
        )
    return None


def _moved_on() -> Refusal:
    return Refusal("state_conflict", "somebody else was first; look at the change again")


def _keep(tx: Tx, known: Known, ask: ReviewAsk, by: Person, *, rejected: bool) -> None:
    comment = _text(tx, ask.comment)
    given = Approval(by.id, known.record.number, rejected, ask.subject_digest, comment, tx.now)
    approvals.add(tx, known.stored.id, given)
    kind = Kind.REJECTION if rejected else Kind.APPROVAL
    tell(
        tx,
        kind,
        known.stored.id,
        by=by.id,
        subject_digest=ask.subject_digest,
        number=known.record.number,
        token=by.token,
        comment=comment or None,
        **learnt_since(known.record, known.people),
    )


def _keep_override(tx: Tx, known: Known, window: str, comment: str, by: Person) -> None:
    """Once a window; a second person's override of the same changes nothing, unless the first one's
    no longer counts.
    """
    if window in known.overridden:
        return
    kept = _text(tx, comment)
    approvals.add_override(tx, known.stored.id, Override(window, by.id, kept, tx.now))
    tell(
        tx,
        Kind.OVERRIDE,
        known.stored.id,
        by=by.id,
        window=window,
        comment=kept,
        token=by.token,
        **learnt_since(known.record, known.people),
    )


def _text(tx: Tx, said: str) -> str:
    if not said:
        return ""
    row = new_text(said)
    insert_texts(tx, [row])
    return row.id
