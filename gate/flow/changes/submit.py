"""A pipeline asks: may this change go to this environment now?

`submit` tells the whole story. Facts are gathered and the decision is made while no transaction is
open, because sources may be slow. What may have moved meanwhile (the policies in force, the key,
the change of the run) is compared inside the transaction that records the decision; where it has
moved, the change is decided once more.
"""

import time
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection
from structlog.contextvars import bind_contextvars

from gate.core.canonical import canonical, digest
from gate.core.change import WAITING, Change, State
from gate.core.decision import record as records
from gate.core.decision.asked import text_ids
from gate.core.decision.record import Record
from gate.core.decision.values import Outcome
from gate.core.policy.policy import Policy
from gate.errors import Invalid, Unauthenticated, Unavailable
from gate.flow.answers.change import written_change
from gate.flow.caller import NOBODY, Caller
from gate.flow.changes.compose import (
    Decided,
    Texts,
    asked,
    commits_of,
    decide_change,
    decision_entry,
    life_of,
    named_rows,
    new_change,
    rollups,
    searched,
)
from gate.flow.changes.join import (
    CREATED,
    SubmitCommand,
    Submitted,
    join,
    join_waiting,
    remember_named,
    take_up,
)
from gate.flow.changes.workloads import bound_to, token_use
from gate.flow.commands import IdempotencyKey
from gate.flow.gate import Gate
from gate.flow.ids import new_id
from gate.flow.rulebooks import Rulebook, Rulebooks
from gate.storage.changes import changes, decisions, units
from gate.storage.changes.units import Unit
from gate.storage.database.rows import KeyRow
from gate.storage.texts import read_texts
from gate.tracing import span

FIRST = 1
"""The number of the decision that a new change begins with."""

RUN_KEY_DIGITS = 32
"""Of the digest of a run: 128 bits, in which nobody finds a second run with the key of another."""

DECISIONS_MAX = 3
"""How often one request is decided before the caller has to ask again, because policies, or the
change of its run, may move each time."""


async def submit(
    gate: Gate, change: Change, by: Caller, key: IdempotencyKey | None = None
) -> Submitted:
    """Decide a change, record it, and return the answer once it is durable.

    A request with the key or the run of an earlier one returns the change of that one. The log line
    of the request gets the outcome of a decision that was recorded.

    Raises `NotAllowed` outside the caller's services, `Invalid` for a reused key, `Unavailable`
    where nothing was recorded.
    """
    began = time.perf_counter()
    book = await gate.rulebooks.current()
    for _ in range(DECISIONS_MAX):
        asking = SubmitCommand(bound_to(by, change, book), by, key)
        answer = await _decide_and_record(gate, asking, book, began)
        if answer is not None:
            return answer
        book = await gate.rulebooks.refresh()
    raise Unavailable(
        "what this change depends on moved three times while it was decided; nothing was "
        "recorded, ask again"
    )


async def _decide_and_record(
    gate: Gate, asking: SubmitCommand, book: Rulebook, began: float
) -> Submitted | None:
    """Decide the change once, by these policies, and return the answer once it is durable.

    None: the policies, or the change of the run, moved meanwhile, and nothing was recorded.
    """
    change, texts = asking.change, Texts(book.text_ids)
    with span("decide", gate_service=change.service, gate_environment=change.environment) as seen:
        made = await decide_change(
            gate, change, book, new_id("chg", gate.clock()), asked(change, texts)
        )
        seen.set_attribute("gate.outcome", made.record.decision.outcome.value)
    there = await _there_already(gate, asking, made)
    if there is not None:
        return there
    unit, body = _unit(gate, made, asking, texts, book)
    recorded = await gate.store.record(unit)
    match recorded.outcome:
        case units.Recording.NEW:
            _count(gate, made, began)
            pending = made.record.decision.outcome is Outcome.PENDING
            return Submitted(CREATED, body, made.record.change, pending=pending)
        case units.Recording.SAME_KEY if recorded.key is not None:
            replayed = await _replayed(gate, recorded.key, unit.key)
            # The answer is the same, but another person may have asked for it this time.
            await remember_named(gate, asking, replayed.change_id)
            return replayed
        case units.Recording.TOKEN_USED:
            raise Unauthenticated(NOBODY)
        case units.Recording.SAME_RUN if recorded.change_id is not None:
            answer = await join(gate, asking, recorded.change_id, unit, body)
            if answer is not None and answer.status == CREATED:
                _count(gate, made, began)
            return answer
        case _:
            return None


def _count(gate: Gate, made: Decided, began: float) -> None:
    """Count the decision that was recorded, and add its outcome to the log line of the request."""
    decision = made.record.decision
    gate.metrics.decided(decision, time.perf_counter() - began)
    bind_contextvars(outcome=decision.outcome.value)


async def _there_already(gate: Gate, asking: SubmitCommand, made: Decided) -> Submitted | None:
    """Return the change that this request joins whatever its run is, or None.

    It is one that waits and was asked for outside any run, or one by which a person rejected the
    commit.
    """
    if asking.change.run is None:
        waiting = await join_waiting(gate, asking, made.parts.subject_key)
        if waiting is not None:
            return waiting
    rejection = _caught_by(made)
    if rejection is None or await gate.store.read(
        _has_own, run_key(asking.change), made.parts.subject_key, gate.clock()
    ):
        return None
    return await take_up(gate, asking, rejection)


def _caught_by(made: Decided) -> str | None:
    """Return the change by which a person rejected this commit here, or None where none counts.

    It is compared by commit alone, because otherwise asking with one artifact more would be a way
    around the rejection. Rollbacks and emergencies are never caught, because they are for when
    nothing else is left; nor is anything where the gate only observes.
    """
    case = made.record.case
    is_free = case.observing or case.emergency or case.facts["change.direction"].value == "rollback"
    return None if is_free else case.rejection


def _has_own(conn: Connection, key: str | None, subject: str, now: datetime) -> bool:
    """Return whether the run has a change of this very subject that waits or deploys.

    Such a change is joined, because people may have let it pass since the rejection. A change of
    another subject is replaced by the new attempt, so the rejection has to catch that attempt.
    """
    own = changes.of_run(conn, key) if key is not None else None
    return (
        own is not None
        and own.subject_key == subject
        and own.state_at(now) in {*WAITING, State.DEPLOYING}
    )


def _unit(
    gate: Gate, made: Decided, asking: SubmitCommand, texts: Texts, book: Rulebook
) -> tuple[Unit, bytes]:
    """Return everything that the decision adds to the database, and the body of the answer."""
    record, change = made.record, asking.change
    life = life_of(record, submitted_at=record.at, run=change.run)
    said = {**made.gathered.said, **texts.by_id}
    policy = book.policies.named(record.decision.policy)
    body = written_change(record, policy, life, said, gate.base_url, gate.reasons)
    key = asking.key_row(CREATED, record.change, None, record.at)
    # Before `named_rows` adds the people whom the host names to `texts`: the log finds a change by
    # what its request says, and they wrote none of that.
    searchable = searched(record, texts.by_id.values())
    named = named_rows(made, texts)
    unit = Unit(
        change=new_change(made, life, asking.caller, run_key(change)),
        decision=made.row,
        expects_policy_set=book.id,
        entries=(decision_entry(made),),
        texts=texts.rows,
        key=key,
        rollups=rollups(record, ("submitted", record.decision.outcome.value), at=record.at),
        words=searchable,
        token=token_use(asking.by, record.change),
        named=named,
        commits=commits_of(made),
    )
    return unit, body


def run_key(change: Change) -> str | None:
    """Return the natural key of a submit, or None outside any run.

    One step of a run has one change for a service and environment, so asking twice finds the first
    one even without an idempotency key.
    """
    if change.run is None:
        return None
    repository = [change.repository.issuer, change.repository.id] if change.repository else None
    key = [repository, change.run.id, change.run.step, change.service, change.environment]
    return digest(canonical(key))[:RUN_KEY_DIGITS]


async def _replayed(gate: Gate, first: KeyRow, asked: KeyRow | None) -> Submitted:
    if asked is None or first.body_sha256 != asked.body_sha256:
        raise Invalid(
            "this Idempotency-Key was used with another body; take a new key for another change",
            problem="key_reused",
        )
    body = first.answer
    if body is None:
        body = await _first_answer(gate, first.change_id)
    return Submitted(first.status, body, first.change_id, replayed=True)


async def _first_answer(gate: Gate, change_id: str) -> bytes:
    """Return the answer to a submit that made a new change, made again from its first decision.

    Its bytes are not stored, because they contain nothing that the decision does not.
    """
    record, policy, said = await gate.store.read(_first_decision, gate.rulebooks, change_id)
    life = life_of(record, submitted_at=record.at, run=record.asked.run)
    return written_change(record, policy, life, said, gate.base_url, gate.reasons)


def _first_decision(
    conn: Connection, books: Rulebooks, change_id: str
) -> tuple[Record, Policy | None, Mapping[str, str]]:
    record = records.read(decisions.record(conn, change_id, FIRST))
    said = read_texts(conn, [*text_ids(record.asked), *record.decision.hold_reasons])
    return record, books.policy_of(conn, record), said
