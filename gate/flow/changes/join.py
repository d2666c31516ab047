"""A run that asks again joins its change, or begins anew where that change is over."""

from datetime import datetime, timedelta
from typing import NamedTuple

from gate.core.change import WAITING, Change, Result, State
from gate.core.decision.admission import proof_by
from gate.core.decision.named import Named, named_by
from gate.core.instants import to_us
from gate.core.workload import Workload
from gate.errors import Conflict, Invalid, NotAllowed
from gate.flow.answers.written import written
from gate.flow.caller import Caller
from gate.flow.changes import endings
from gate.flow.changes.again import decide_again
from gate.flow.changes.known import Known, know_existing, learn
from gate.flow.changes.workloads import require_unused, token_use, use_token
from gate.flow.commands import IdempotencyKey
from gate.flow.gate import Gate
from gate.flow.rulebooks import Rulebook
from gate.storage.changes import moves, units
from gate.storage.changes.closures import Report
from gate.storage.changes.keys import remember
from gate.storage.changes.units import Unit
from gate.storage.changes.verdicts import waiting_without_run
from gate.storage.database.rows import KeyRow, TokenUseRow
from gate.storage.database.tx import Tx
from gate.storage.tables.stored_change import StoredChange
from gate.storage.texts import keep_text

KEY_LIFE = timedelta(hours=24)
RUN_AGAIN = "run again"
CREATED, JOINED = 201, 200
"""The statuses of an answer: a new change, or one that is there."""


class SubmitCommand(NamedTuple):
    """Decide a change for this caller; `key` makes a repetition return the first answer."""

    change: Change
    by: Caller
    key: IdempotencyKey | None

    @property
    def caller(self) -> str:
        """Whose idempotency key it is."""
        return self.by.caller

    def key_row(
        self, status: int, change_id: str, body: bytes | None, at: datetime
    ) -> KeyRow | None:
        """Return the row of the idempotency key, or None without a key.

        `body` is None where the answer can be made again from the first decision.
        """
        if self.key is None:
            return None
        return KeyRow(
            self.caller,
            self.key.key,
            self.key.body_sha256,
            status,
            change_id,
            body,
            to_us(at + KEY_LIFE),
        )


class Submitted(NamedTuple):
    """The answer to a submit: the change that was joined with 200, or a new one with 201.

    `body` is the change as JSON. A replayed answer has the very bytes of the first one.
    """

    status: int
    body: bytes
    change_id: str
    replayed: bool = False
    pending: bool = False


async def join(
    gate: Gate, asking: SubmitCommand, change_id: str, unit: Unit, body: bytes
) -> Submitted | None:
    """Return the run's change as the answer, or record `unit` in its place and answer `body`.

    None: the change moved meanwhile, and the submit has to begin again.
    """
    known = await gate.store.read(know_existing, gate.rulebooks, change_id)
    run = asking.change.run
    if run is None:
        raise LookupError(change_id)  # it was found by its run
    _require_proof(known, asking.by)
    stored = known.stored
    state = stored.state_at(gate.clock())
    same = stored.subject_key == unit.change.subject_key
    attempt = stored.run_attempt or 1
    if run.attempt < attempt:
        raise Conflict(
            f"attempt {run.attempt} of this run was overtaken by attempt {attempt}; run it again"
        )
    if not same and run.attempt == attempt:
        raise Invalid(
            f"this attempt of run {run.id} has asked for another commit, artifact or "
            "repository; run it again",
            problem="key_reused",
        )
    if same and (state in WAITING or run.attempt == attempt):
        return await _joined(gate, asking, known, state)
    if same and state is State.DEPLOYING:
        await gate.store.write(
            _close_run_again, gate, change_id, asking.by, unit.token, await gate.rulebooks.current()
        )
        # `unit` was decided while the old deployment stood in its way. The submit begins again, and
        # finds it closed.
        return None
    return await _begun_anew(gate, known, unit, body)


async def join_waiting(gate: Gate, asking: SubmitCommand, subject_key: str) -> Submitted | None:
    """Return the change that the same caller asked for before outside any run, or None.

    It must still wait. This is for somebody at a terminal who asks again after the approval. Only
    the same requester joins it, because another one would have been excluded from approving it.
    """
    change = asking.change
    stored = await gate.store.read(waiting_without_run, asking.caller, change.commit, subject_key)
    if stored is None:
        return None
    known = await gate.store.read(know_existing, gate.rulebooks, stored.id)
    state = known.stored.state_at(gate.clock())
    requester = known.texts.get(known.record.asked.requested_by)
    if state not in WAITING or requester != change.requested_by:
        return None
    _require_proof(known, asking.by)
    return await _joined(gate, asking, known, state)


def _require_proof(known: Known, by: Caller) -> None:
    """Raise `NotAllowed` where a run that proved itself is named by a caller who proves nothing.

    The answer holds the token of the change, and a decision that is made again keeps no earlier
    proof. So an API token would be a way around what the run has to prove at its admission.
    """
    if known.proof is not None and not isinstance(by, Workload):
        raise NotAllowed(
            f"run {known.proof.run} proved itself by its identity token; ask for it with a "
            "token of that run, or name another run",
            problem="identity_mismatch",
        )


async def _joined(
    gate: Gate, asking: SubmitCommand, known: Known, state: State
) -> Submitted | None:
    """Return the change as it is now; a pending one is decided again with what the caller says now.

    `pauses` keeps callers who ask in a loop from causing a decision each time.
    """
    stored = known.stored
    await gate.store.read(require_unused, token_use(asking.by, stored.id))
    if state is State.PENDING and gate.pauses.begin(stored.id):
        await decide_again(gate, known, asking.change)
    elif state is State.APPROVED and _other_job(known, asking.by):
        await decide_again(gate, known, proved=asking.change.proved)
    return await take_up(gate, asking, stored.id)


def _other_job(known: Known, by: Caller) -> bool:
    """Return whether this job of the run proves another ref or workflow than the decision rests on.

    An approval that was given for one is not an approval of the other.
    """
    return (
        known.proof is not None
        and isinstance(by, Workload)
        and proof_by(by.run, by.facts) != known.proof
    )


async def remember_named(gate: Gate, asking: SubmitCommand, change_id: str) -> None:
    """Remember whom this request names, although it gets the first answer again.

    The same key and body may come from another actor's token, who has asked for the change as well.
    """
    if isinstance(asking.by, Workload):
        await gate.store.write(_remember_named, gate, asking, change_id)


async def take_up(gate: Gate, asking: SubmitCommand, change_id: str) -> Submitted | None:
    """Return the change as it is now, as the answer to this request.

    None: another request with the same key was first, and its answer counts.
    """
    return await gate.store.write(_take_up, gate, asking, change_id)


def _take_up(tx: Tx, gate: Gate, asking: SubmitCommand, change_id: str) -> Submitted | None:
    """Return what `take_up` returns, inside its transaction."""
    run = asking.change.run
    known = _remember_named(tx, gate, asking, change_id)
    state = known.stored.state_at(tx.now)
    if run is not None and state in WAITING and run.attempt > (known.stored.run_attempt or 1):
        moves.move(
            tx,
            change_id,
            from_state=state,
            of_decision=known.stored.decision,
            run_attempt=run.attempt,
        )
        known = know_existing(tx.conn, gate.rulebooks, change_id)
    body = written(known.answer(tx.now, gate.base_url))
    key = asking.key_row(JOINED, change_id, body, tx.now)
    if key is not None and not remember(tx, key):
        return None
    use_token(tx, token_use(asking.by, change_id))
    return Submitted(JOINED, body, change_id, pending=state is State.PENDING)


def _remember_named(tx: Tx, gate: Gate, asking: SubmitCommand, change_id: str) -> Known:
    """Return the change after everybody whom this request names was excluded from deciding on it.

    That holds whatever becomes of the request otherwise.
    """
    change = asking.change
    moves.lock_place(tx, change.service, change.environment)
    known = know_existing(tx.conn, gate.rulebooks, change_id)
    named = named_by(change.actor, change.requested_by, change.authors)
    if learn(tx, known, named):
        return know_existing(tx.conn, gate.rulebooks, change_id)
    return known


def _close_run_again(
    tx: Tx, gate: Gate, change_id: str, by: Caller, token: TokenUseRow | None, book: Rulebook
) -> None:
    """Close the deployment of the former attempt as unsuccessful, because nobody reported its end.

    `token` will be bound to the new change; here it is only checked that it is unused.
    """
    require_unused(tx.conn, token)
    known = know_existing(tx.conn, gate.rulebooks, change_id)
    if known.stored.state is not State.DEPLOYING:
        return
    note = keep_text(tx, RUN_AGAIN)
    endings.close(
        tx,
        known,
        Report(caller=by.caller, result=Result.UNSUCCESSFUL, notes=note),
        book,
        by=by.caller,
    )


async def _begun_anew(gate: Gate, known: Known, unit: Unit, body: bytes) -> Submitted | None:
    if not await gate.store.write(_replace, gate, known.stored, unit):
        return None
    change = unit.change
    return Submitted(CREATED, body, change.id, pending=change.state is State.PENDING)


def _replace(tx: Tx, gate: Gate, former: StoredChange, unit: Unit) -> bool:
    """Record `unit` in the place of the run's former change. False: something moved meanwhile.

    The people who were named for the former change are named for the new one, if the commit is the
    same.
    """
    moves.lock_place(tx, former.service, former.environment)
    if units.policy_set_in_force(tx) != unit.expects_policy_set or not units.pass_on_run_key(
        tx, former.id, unit.change.run_key
    ):
        return False
    use_token(tx, unit.token)
    units.insert_unit(tx, unit)
    if former.commit_sha == unit.change.commit_sha:
        _pass_on_names(tx, gate, former.id, unit.change.id)
    return True


def _pass_on_names(tx: Tx, gate: Gate, former: str, change: str) -> None:
    """Name the people of the former change for the new one, too.

    A run may be canceled and started again by somebody else, who names nobody. Those who asked for
    the commit or wrote it still took part in it.
    """
    before = know_existing(tx.conn, gate.rulebooks, former)
    now = know_existing(tx.conn, gate.rulebooks, change)
    found = Named(people=frozenset(before.people.excluded))
    learn(tx, now, before.names.also(found))
