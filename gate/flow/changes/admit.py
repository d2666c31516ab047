"""The last check, immediately before a deployment: it consumes the approval and starts the
deployment.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from gate.core.change import Result, Run, State, Subject
from gate.core.decision.admission import (
    AdmissionCase,
    Proof,
    Refusal,
    admitted_before,
    other_job,
    other_run,
    proof_by,
    refusal,
    waits,
)
from gate.core.decision.decide import Case
from gate.core.decision.named import Named
from gate.core.decision.quorum import placed
from gate.core.decision.values import Outcome
from gate.core.history import TrackRecord
from gate.core.workload import Workload
from gate.errors import Conflict, NotAllowed
from gate.flow.caller import Caller, ChangeHolder
from gate.flow.changes import aftermath, endings
from gate.flow.changes.again import asked_before, decide_again
from gate.flow.changes.compose import rollups
from gate.flow.changes.gather import gather
from gate.flow.changes.held import refused_for, release
from gate.flow.changes.judged import (
    STALE,
    admission_case,
    is_out_of_date,
    outlived,
    place_of,
)
from gate.flow.changes.known import (
    Known,
    keep_excluded,
    know_existing,
    know_stored,
    learn,
    learnt_since,
    visible_change,
)
from gate.flow.changes.settle import lapse
from gate.flow.changes.workloads import require_admissible, require_unused, token_use, use_token
from gate.flow.commands import AdmissionCommand
from gate.flow.entries import append_entry
from gate.flow.gate import Gate
from gate.flow.identity.membership import counted
from gate.flow.lent import without_kept
from gate.flow.refusals import Refused
from gate.flow.refuse import refuse
from gate.flow.rulebooks import Books, Rulebook, Rulebooks
from gate.flow.scope import require_owner
from gate.ledger.format import Kind, instant
from gate.ledger.statement import (
    ADMISSION_VALID_SECONDS,
    AdmissionStatement,
    SignedEnvelope,
    sign_envelope,
)
from gate.storage.changes import admissions, changes, history, moves, post_reviews
from gate.storage.changes.closures import Report
from gate.storage.database.tx import Tx
from gate.storage.tables.stored_change import StoredChange

MISMATCH, FROZEN = "identity_mismatch", "frozen"
DECIDED_AGAIN = frozenset({STALE, "not_approved"})
"""What an approved change is decided again for: its decision, or people whose approvals counted, no
longer hold."""
SECURITY_RELEVANT = frozenset(
    {MISMATCH, "subject_mismatch", "not_approved", "expired", "consumed", "state_conflict"}
)
"""The problems of refusals that the ledger keeps. Those that pass with time, such as a freeze, are
left out."""
REVIEW_WITHIN = timedelta(hours=72)
"""When the review of an emergency is due, where no policy says otherwise."""

OVERTAKEN = Refusal("state_conflict", "the change moved while it was admitted; ask again")


@dataclass(frozen=True, slots=True)
class _AdmissionQuestion:
    """A request to deploy: the caller, the subject and the run."""

    by: Caller
    subject: Subject
    run: Run
    # What the code host said when it was asked again; None if it was not.
    heard: Case | None


async def admit(
    gate: Gate, change_id: str, command: AdmissionCommand, by: Caller
) -> SignedEnvelope:
    """Return the signed permission to deploy exactly this now. The same run, attempt and step gets
    the same answer again.

    Raises `Conflict` or `NotAllowed` with the reason if it may not, and `Unavailable` while there
    is no signing key. If the decision no longer holds, it is made again at once, so that the caller
    only has to ask once more. An automatic approval no longer holds if the code host, asked again
    after 10 minutes, gives worse facts or none.
    """
    known = await visible_change(gate, change_id, by)
    require_owner(by, known.stored, "admit")
    key = await gate.signing.require()
    books = await gate.rulebooks.books()
    require_admissible(command, by, known.stored, books.current)
    asked = _subject(command, known.record.subject, books.current, by)
    heard = None
    if is_out_of_date(known, gate.clock()):
        before = asked_before(known)
        gate = without_kept(gate, before, books.current)
        heard = (await gather(gate, before, books.current, before=known)).case
    asking = _AdmissionQuestion(by, asked, command.run, heard)
    answer = await gate.store.write(_admit_by, known, asking, books)
    if isinstance(answer, Refusal):
        if answer.problem in DECIDED_AGAIN:
            await _decide_again(gate, change_id, by)
        elif answer.problem == FROZEN:
            # The row of the change may say that nothing holds it, because an override was valid
            # when it was written. People need to see the hold in order to override it again.
            await release(gate, known)
        kind = NotAllowed if answer.problem == MISMATCH else Conflict
        error = kind(answer.detail, problem=answer.problem)
        if answer.problem in SECURITY_RELEVANT and answer is not OVERTAKEN:
            raise await refuse(
                gate, Refused(by.caller, "admission", answer.problem, change_id), error
            )
        raise error
    return sign_envelope(key, answer)


def _subject(command: AdmissionCommand, recorded: Subject, book: Rulebook, by: Caller) -> Subject:
    """Return what is about to be deployed.

    What neither the request nor its token names is taken from the change.
    """
    return Subject(
        repository=(by.issuer, by.repository.id)
        if isinstance(by, Workload)
        else recorded.repository,
        commit=command.commit,
        digests=tuple(sorted(artifact.digest for artifact in command.artifacts)),
        service=recorded.service,
        environment=book.catalogue.environment_named(command.environment),
        emergency=recorded.emergency,
    )


async def _decide_again(gate: Gate, change_id: str, by: Caller) -> None:
    """Decide an approved change again.

    The facts of the caller's token are used only where the decision in force rests on a token of
    the same run; any other caller could change what was proved.
    """
    known = await gate.store.read(know_existing, gate.rulebooks, change_id)
    if known.stored.state_at(gate.clock()) is not State.APPROVED:
        return
    judged = known.proof
    facts = (
        by.facts
        if isinstance(by, Workload) and judged is not None and judged.run == by.run.id
        else None
    )
    await decide_again(gate, known, proved=facts)


def _proof(by: Caller, proved: Proof | None) -> Proof | None:
    """Return what the caller proves about its run, or None where it proves nothing.

    A change token stands for what was proved when it was issued, and for nothing that another job
    or caller proved since: it may have been issued to an API token, or to another workflow of the
    same run.
    """
    if isinstance(by, Workload):
        return proof_by(by.run, by.facts)
    if not isinstance(by, ChangeHolder) or proved is None:
        return None
    return proved if by.proof == proved.fingerprint else None


def _admit_by(
    tx: Tx, known: Known, asking: _AdmissionQuestion, books: Books
) -> AdmissionStatement | Refusal:
    """Admit or refuse under the lock of the place; an admission binds the caller's token to it."""
    by = asking.by
    use = token_use(by, known.stored.id)
    require_unused(tx.conn, use)
    moves.lock_place(tx, known.stored.service, known.stored.environment)
    books = replace(books, current=books.all.in_force(tx))
    if isinstance(by, Workload):
        _name(tx, known, by, books)
    answer = _admit(tx, known, asking, books)
    if not isinstance(answer, Refusal):
        use_token(tx, use)
    return answer


def _name(tx: Tx, known: Known, by: Workload, books: Books) -> None:
    """Remember that the people of this token asked for the change.

    From now on no approval of theirs counts, whether or not it is admitted this time.
    """
    now = know_existing(tx.conn, books.all, known.stored.id, books.current)
    learn(tx, now, Named(asked=by.actor))


def _admit(
    tx: Tx, known: Known, asking: _AdmissionQuestion, books: Books
) -> AdmissionStatement | Refusal:
    asked, run = asking.subject, asking.run
    stored = changes.read(tx.conn, known.stored.id)
    if stored is None or stored.decision != known.stored.decision:
        return OVERTAKEN
    known = know_stored(tx.conn, books.all, stored, books.current)
    keep_excluded(tx, known)
    here = history.track_record(tx.conn, place_of(known, books.current, tx.now))
    case = admission_case(tx.conn, known, here, books.current, tx.now)
    by, proof = asking.by.caller, _proof(asking.by, case.proved)
    # Before any reason to refuse: the deployment has begun, and its pipeline may have lost the
    # answer.
    if admitted_before(case, run) and case.subject == asked:
        refused = other_run(case.proved, run, proof) or other_job(case, proof)
        return refused or _statement(known, run)
    refused = _why_not(tx, known, here, case, asking, books)
    if refused is not None:
        return refused
    if case.rollback:
        for other in changes.in_flight(tx.conn, stored, tx.now):
            _close_rolled_back(tx, other, known, books, by)
    would_wait = waits(case, at=tx.now) if known.observed else None
    if not admissions.admit(tx, stored, run, known.files, would_wait=would_wait is not None):
        return OVERTAKEN
    _begin(tx, known, books, by)
    # Read again, because the statement names only approvals that did not lapse just now.
    admitted = know_stored(tx.conn, books.all, changes.existing(tx.conn, stored.id), books.current)
    return _started(tx, admitted, run, by, books.current, would_wait)


def _why_not(
    tx: Tx,
    known: Known,
    here: TrackRecord,
    case: AdmissionCase,
    asking: _AdmissionQuestion,
    books: Books,
) -> Refusal | None:
    """Return why the change may not be admitted, or None.

    A freeze is explained by its reason, because its id says nothing to a pipeline.
    """
    proof = _proof(asking.by, case.proved)
    refused = refusal(case, asking.subject, asking.run, proof, at=tx.now) or outlived(
        tx.conn, known, here, books.current, tx.now, asking.heard
    )
    if refused is None or refused.problem != FROZEN or case.hold is None:
        return refused
    return replace(refused, detail=refused_for(tx.conn, case.hold, books.current))


def _begin(tx: Tx, known: Known, books: Books, by: str) -> None:
    """Do what the begin of a deployment means for others: approvals that no longer count lapse,
    older waiting changes are canceled, an emergency owes a review, and a repaired change is tied.
    """
    lapse(tx, known.record, known.people.excluded)
    _supersede(tx, known, books.all, by)
    if known.record.subject.emergency and not known.observed:
        _owe_review(tx, known, books.current)
    if known.record.asked.remediates is not None:
        repairing = know_stored(tx.conn, books.all, changes.existing(tx.conn, known.stored.id))
        aftermath.remediate(tx, books, repairing, by)


def _owe_review(tx: Tx, known: Known, book: Rulebook) -> None:
    """Give the owners a review of this emergency to hold, because it was approved in haste."""
    rule = known.policy.emergency if known.policy else None
    within = timedelta(seconds=rule.review_within_seconds) if rule else REVIEW_WITHIN
    owners = book.catalogue.answering_for(known.stored.service)
    post_reviews.owe(tx, known.stored.id, tx.now + within, owners)


def _close_rolled_back(
    tx: Tx, stored: StoredChange, rollback: Known, books: Books, by: str
) -> None:
    other = know_stored(tx.conn, books.all, stored)
    endings.close(
        tx,
        other,
        Report(caller=by, result=Result.ROLLED_BACK),
        books.current,
        by=by,
        rolled_back_by=rollback.stored.id,
    )


def _supersede(tx: Tx, known: Known, books: Rulebooks, by: str) -> None:
    """Cancel older waiting changes of this place: deploying them later would undo this
    deployment.
    """
    for earlier in changes.superseded_by(tx.conn, known.stored):
        waiting = know_stored(tx.conn, books, earlier)
        endings.cancel(tx, waiting, by, books.latest, superseded_by=known.stored.id)


def _started(
    tx: Tx, known: Known, run: Run, by: str, book: Rulebook, would_wait: Refusal | None
) -> AdmissionStatement:
    """Write the ledger entry of the admission, count it, and return its statement.

    The entry has what an auditor needs to judge it again: which person filled which place of what
    was required, and until when the approval was good. For an observed change it also says what
    would have made it wait.

    `known` is the change after its admission, without the approvals that lapsed by that.
    """
    stored, record, until = known.stored, known.record, known.stored.valid_until
    statement = _statement(known, run)
    given = counted(known.approvals, record, known.people.excluded, book.catalogue)
    approvers = placed(record.decision.required, given)
    asked = record.decision.outcome is Outcome.PENDING
    append_entry(
        tx,
        Kind.ADMISSION,
        stored.id,
        by=by,
        subject_digest=stored.subject_digest,
        run=[run.id, run.attempt, run.step],
        expires_at=statement.expires_at.isoformat(),
        policy_revision=record.revisions.policies,
        approvers=sorted([person, place] for person, place in approvers.items()) if asked else None,
        valid_until=instant(until) if until else None,
        observed=known.observed or None,
        would_wait=would_wait.problem if would_wait else None,
        **learnt_since(known),
    )
    tx.add(rollups(record, ["admitted"], at=tx.now))
    return statement


def _statement(known: Known, run: Run) -> AdmissionStatement:
    """Return the statement of an admission, which has equal bytes however often it is asked for."""
    stored, record = known.stored, known.record
    if stored.admitted_at is None:
        # Only called for a change that is admitted.
        raise LookupError(stored.id)
    admitted_at = stored.admitted_at.replace(microsecond=0)
    repository = record.asked.repository
    return AdmissionStatement(
        change=stored.id,
        service=stored.service,
        environment=stored.environment,
        repository=(repository.name if repository else "") or stored.service,
        repository_id=repository.id if repository else None,
        commit=stored.commit_sha,
        artifacts=record.asked.artifacts,
        run=run,
        policy_revision=record.revisions.policies,
        subject_digest=stored.subject_digest,
        admitted_at=admitted_at,
        expires_at=admitted_at + timedelta(seconds=ADMISSION_VALID_SECONDS),
        type=record.decision.type.value,
        approvers=tuple(
            sorted(
                {
                    one.person
                    for one in known.approvals
                    if one.lapsed_at is None and not one.rejected
                }
            )
        ),
        observed=known.observed,
    )
