"""A change is decided again: facts gathered anew, and written only where a person would see a
difference.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from gate.core.change import Change, Emergency, State
from gate.core.decision.asked import text_ids
from gate.core.decision.redecision import same
from gate.core.decision.values import Decision, Outcome
from gate.core.facts import Facts, Origin, Value
from gate.flow.changes.compose import (
    Decided,
    Texts,
    asked,
    commits_of,
    decide_change,
    decision_columns,
    decision_entry,
    life_of,
    redecide_at,
    rollups,
    searched,
)
from gate.flow.changes.known import Known, know_existing, look_again
from gate.flow.changes.settle import lapse, settle
from gate.flow.gate import Gate
from gate.flow.learning.waits import keep_wait_of
from gate.flow.rulebooks import Rulebook
from gate.storage.changes import moves, named, units
from gate.storage.database.tx import Tx
from gate.storage.database.values import values_of
from gate.storage.ledger.ledger import append_entries
from gate.storage.tables.stored_change import StoredChange
from gate.storage.texts import insert_texts

_log = structlog.get_logger("gate.changes")


async def decide_again(
    gate: Gate,
    known: Known,
    asked_now: Change | None = None,
    *,
    proved: Mapping[str, Value] | None = None,
) -> bool:
    """Decide a pending change again, or an approved one whose decision no longer holds.

    Returns True if another decision is in force now.

    `asked_now` is what the caller says now; without it the claims of the decision in force are
    used. `proved` are facts that another token of the run proves; they replace the earlier ones.
    """
    book = await gate.rulebooks.current()
    texts = Texts(book.text_ids)
    change, details = (
        (asked_now, asked(asked_now, texts))
        if asked_now
        else (asked_before(known), known.record.asked)
    )
    if proved is not None:
        ref = proved.get("change.ref")
        details = details._replace(ref=ref if isinstance(ref, str) else None)
        change = change._replace(proved=proved, ref=details.ref)
    made = await decide_change(gate, change, book, known.stored.id, details, known)
    # An approved change is here because its decision no longer holds, so it gets another one even
    # if that reads the same.
    if known.stored.state is State.PENDING and same(known.record, made.record):
        await gate.store.write(_nothing_new, gate, known.stored, made)
        return False
    written = await gate.store.write(_put_in_force, gate, known, made, texts, book)
    if written:
        gate.metrics.decided(made.record.decision)
        _log.info(
            "decided again", change=known.stored.id, outcome=made.record.decision.outcome.value
        )
        gate.waiters.wake(known.stored.id)
    return written


def asked_before(known: Known) -> Change:
    """Return the change as it was asked for, made from its record: subject, people and claims."""
    record, details = known.record, known.record.asked
    subject = record.subject
    said = {origin: _values(record.case.facts, origin) for origin in (Origin.CLAIMED, Origin.TOKEN)}
    return Change(
        service=subject.service,
        environment=subject.environment,
        commit=subject.commit,
        base=details.base,
        ref=details.ref,
        repository=details.repository,
        artifacts=details.artifacts,
        run=details.run,
        requested_by=known.texts.get(details.requested_by),
        authors=tuple(known.texts[one] for one in details.authors if one in known.texts),
        emergency=Emergency("", details.emergency_incident) if subject.emergency else None,
        planned=details.planned,
        remediates=details.remediates,
        claims=said[Origin.CLAIMED] | {one.fact: one.claimed for one in record.case.contradictions},
        actor=tuple(known.texts[one] for one in details.actor if one in known.texts),
        proved=said[Origin.TOKEN],
    )


def _values(facts: Facts, origin: Origin) -> dict[str, Value]:
    return {name: fact.value for name, fact in facts.items() if fact.origin is origin}


def _nothing_new(tx: Tx, gate: Gate, stored: StoredChange, made: Decided) -> None:
    """Keep the decision in force, and note when to look at the change again.

    Its hold and its remaining time are brought up to date, because no person needs another decision
    for that.
    """
    # The policy set is locked before the row of the change, because an activation of another set
    # takes both locks in this order. The other way round, the two could wait for each other.
    book = gate.rulebooks.in_force(tx)
    still = moves.move(
        tx,
        stored.id,
        from_state=stored.state,
        of_decision=stored.decision,
        redecide_at=redecide_at(made),
        hold=made.record.decision.hold,
        **_time_left(stored, made.record.decision, made.record.at),
    )
    if still:
        _people_now(tx, gate, made, book)


def _people_now(tx: Tx, gate: Gate, made: Decided, book: Rulebook) -> frozenset[str]:
    """Return who is excluded in this transaction.

    If somebody was named while the decision was being made, the worker makes yet another one.
    """
    known = know_existing(tx.conn, gate.rulebooks, made.record.change, book)
    now = frozenset(known.people.excluded)
    if not now.issubset(made.record.case.people.excluded):
        look_again(tx, known.stored)
    return now


def _put_in_force(
    tx: Tx, gate: Gate, known: Known, made: Decided, texts: Texts, book: Rulebook
) -> bool:
    stored, record = known.stored, made.record
    moves.lock_place(tx, stored.service, stored.environment)
    if units.policy_set_in_force(tx) != book.id:
        return False
    life = life_of(record, submitted_at=stored.submitted_at, run=None)
    columns = values_of(decision_columns(made, life))
    if life.state is not stored.state:
        columns["state"] = life.state
    moved = moves.move(
        tx,
        stored.id,
        from_state=stored.state,
        of_decision=stored.decision,
        **columns,
        **_time_left(stored, record.decision, record.at),
    )
    if not moved:
        return False
    if life.state is not State.PENDING:
        keep_wait_of(tx, known, book)
    _keep(tx, known, made, texts)
    _keep_names(tx, known, made)
    excluded = _people_now(tx, gate, made, book)
    lapse(tx, record, excluded)
    tx.add(rollups(record, ["decided_again", record.decision.outcome.value], at=record.at))
    if record.decision.outcome is Outcome.PENDING:
        settle(tx, stored, record, excluded, book)
    return True


def _keep(tx: Tx, known: Known, made: Decided, texts: Texts) -> None:
    """Add the decision, its ledger entry, and the words by which the log finds it."""
    insert_texts(tx, texts.rows)
    said = {**known.texts, **texts.by_id}
    words = [said[one] for one in text_ids(made.record.asked) if one in said]
    units.insert_decision(tx, made.row, searched(made.record, words))
    append_entries(tx, [decision_entry(made)])


def _keep_names(tx: Tx, known: Known, made: Decided) -> None:
    """Remember whom the request of the decision before named, because the record of the new one
    replaces it; and the people and commits that the code host named now.
    """
    kept, commits = known.names.also(made.gathered.named_by_host), commits_of(made)
    named.add(tx, known.stored.id, kept)
    if commits is not None:
        named.insert_commits(tx, [commits])


def _time_left(stored: StoredChange, decision: Decision, at: datetime) -> dict[str, object]:
    """Return the columns of the time that a pending change has left, which stops while it is held.

    Either `expires_at` is set and the time runs, or `time_left` is set and it stands still.
    """
    if decision.outcome is not Outcome.PENDING:
        return {"expires_at": None, "time_left": None}
    # It was approved before, so it waits anew and has all of its time.
    if stored.state is not State.PENDING:
        left = timedelta(seconds=decision.terms.expires_after_seconds)
    elif stored.expires_at is not None:
        left = max(stored.expires_at - at, timedelta(0))
    else:
        left = stored.time_left or timedelta(seconds=decision.terms.expires_after_seconds)
    if decision.hold is not None:
        return {"expires_at": None, "time_left": left}
    return {"expires_at": at + left, "time_left": None}
