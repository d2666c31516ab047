"""May this deployment start now? The last check, on values that one transaction has read.

An approval counts for one subject, one run and one set of planned times. Between the decision and
the deployment any of them may have changed, and so may what runs at the place.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from gate.core.canonical import canonical, digest
from gate.core.change import Planned, Run, State, Subject
from gate.core.decision.evaluate import Evaluation, evaluate
from gate.core.decision.values import Hold
from gate.core.facts import Fact, Facts, Origin, Value
from gate.core.instants import clock
from gate.core.policy.policy import Policy

FINGERPRINT_DIGITS = 24


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an act is refused: the name of the problem, and a sentence for whoever must act now."""

    problem: str
    detail: str


class Proof(NamedTuple):
    """The claims of an identity token about its run. A claim that the token lacks is None."""

    run: str
    ref: Value | None
    workflow: Value | None
    # Whether the token names an environment.
    environment: bool = False

    @property
    def fingerprint(self) -> str:
        """A digest of the proof, short enough for a change token and too long to find a second
        proof for.
        """
        return digest(canonical(list(self)))[:FINGERPRINT_DIGITS]


def proof_of(run: Run | None, facts: Facts) -> Proof | None:
    """Return what a token proved when this was decided, or None if there was no token."""
    proved = {name: fact.value for name, fact in facts.items() if fact.origin is Origin.TOKEN}
    return proof_by(run, proved) if run is not None and proved else None


def proof_by(run: Run, proved: Mapping[str, Value]) -> Proof:
    """Return what these facts of a token prove about the run."""
    return Proof(
        run.id,
        proved.get("change.ref"),
        proved.get("change.workflow"),
        environment=proved.get("environment.proved") is True,
    )


@dataclass(frozen=True, slots=True)
class AdmissionCase:
    """A change and its surroundings, as one transaction read them, from which its admission is
    judged.
    """

    subject: Subject
    # Expired if the time is over, also before the worker has written that.
    state: State
    admitted_run: Run | None
    # What a token proved when the change was decided.
    proved: Proof | None
    planned: Planned
    # The hold that binds the change, or would if the gate enforced: not excused, not overridden.
    hold: Hold | None
    # Other changes of this place that are deploying and still within their `close_within`.
    others_deploying: Collection[str]
    parallel: bool
    # The direction when it was decided, and the direction now.
    decided_direction: str
    direction: str
    # The change that ran here when it was decided, and the one that runs now.
    what_ran: str | None
    what_runs: str | None
    # The decision in force was made while the gate only observed here.
    observed: bool = False
    # The gate only observes here now.
    observing: bool = False
    # The policy that decided looks at the workflow.
    looks_at_workflow: bool = False
    # It, or the choice of a policy, looks at whether the token names an environment.
    looks_at_environment: bool = False

    @property
    def rollback(self) -> bool:
        """Whether it was decided as a rollback."""
        return self.decided_direction == "rollback"


def refusal(
    case: AdmissionCase, asked: Subject, run: Run, proof: Proof | None = None, *, at: datetime
) -> Refusal | None:
    """Return why this run may not deploy, or None if it may.

    `proof` is what the caller's token proves. Reasons are tried in order: first those that no retry
    can fix, last those that pass with time.
    """
    refused = (
        _other_subject(case.subject, asked)
        or _other_state(case, run)
        or other_run(case.proved, run, proof)
        or _switched(case)
    )
    if refused is not None or case.observed:
        return refused
    return _not_the_judged_job(case, proof) or waits(case, at=at) or _stale(case)


def waits(case: AdmissionCase, *, at: datetime) -> Refusal | None:
    """Return why any run would have to wait now, or None: planned times, a hold, or another
    deployment.

    For an observed change the reason is recorded and refuses nothing.
    """
    return _outside_window(case.planned, at) or _held(case.hold) or _conflict(case)


def admitted_before(case: AdmissionCase, run: Run) -> bool:
    """Return whether this run, attempt and step was admitted before and gets its answer again."""
    return case.state is State.DEPLOYING and _consumer(case.admitted_run) == _consumer(run)


def other_run(proved: Proof | None, run: Run, proof: Proof | None) -> Refusal | None:
    """Return why this is not the run that proved itself at the decision.

    Returns None if it is the same run, or if no run proved itself.
    """
    if proved is None:
        return None
    if run.id != proved.run:
        return Refusal(
            "identity_mismatch",
            f"this was decided for run {proved.run}, which proved itself by its token, not for "
            f"run {run.id}; submit the change from the run that deploys it",
        )
    if proof is None:
        return Refusal(
            "identity_mismatch",
            f"run {proved.run} proved itself by its identity token when this was decided;"
            " ask with a token of that run, or with the change token it was given",
        )
    return None


def other_job(case: AdmissionCase, proof: Proof | None) -> Refusal | None:
    """Return why this job is not given the admission that its run has got already, or None.

    It was given to a job of the ref, the workflow and the environment that were judged. The other
    jobs of the run may be such as nobody judged, and nothing is decided again while one of them
    deploys.
    A job whose workflow is unknown is refused only if the policy looks at it: a code host that
    holds a run does not always say of which workflow the held job is.
    """
    if case.proved is None or proof is None or case.observed:
        return None
    for what, then, now, may_be_unknown in (
        ("ref", case.proved.ref, proof.ref, True),
        ("workflow", case.proved.workflow, proof.workflow, not case.looks_at_workflow),
        ("environment", *_environments(case, case.proved, proof), False),
    ):
        if then is not None and then != now and not (now is None and may_be_unknown):
            return Refusal(
                "identity_mismatch",
                f"this was admitted for {what} {then}, and this job is of {now or 'an unknown one'}"
                "; deploy in the job that was admitted, or submit a change with a step of its own",
            )
    return None


def fires_more(
    policy: Policy, facts: Facts, *, changes_last_24h: int, lines_last_24h: int | None
) -> str | None:
    """Return the first rule that gives points with the sums of now and gave none at the decision.

    The sums are those of the last 24 hours. This stops one large change that was cut into many
    small ones, each decided before the others were admitted.
    """
    now = dict(facts)
    now["history.changes_last_24h"] = Fact(changes_last_24h, Origin.HISTORY)
    now.pop("history.lines_last_24h", None)
    if lines_last_24h is not None:
        now["history.lines_last_24h"] = Fact(lines_last_24h, Origin.HISTORY)
    fired = _fired(evaluate(policy, facts))
    return next((rule for rule in _fired(evaluate(policy, now)) if rule not in fired), None)


def _fired(evaluation: Evaluation) -> list[str]:
    return [
        f"{finding.rule}:{finding.points}" for finding in evaluation.findings if finding.points > 0
    ]


def _other_subject(recorded: Subject, asked: Subject) -> Refusal | None:
    for name in ("commit", "digests", "service", "environment", "repository"):
        approved, deployed = getattr(recorded, name), getattr(asked, name)
        if approved != deployed:
            return Refusal(
                "subject_mismatch",
                f"the decision was made for {name} {_in_words(approved)}, the deployment is of "
                f"{_in_words(deployed)}; submit what is deployed",
            )
    return None


def _in_words(part: str | tuple[str | int, ...] | None) -> str:
    """Return a part of a subject in words."""
    words = ", ".join(map(str, part)) if isinstance(part, tuple) else part
    return words or "none"


def _other_state(case: AdmissionCase, run: Run) -> Refusal | None:
    match case.state:
        case State.APPROVED:
            return None
        case State.PENDING | State.REJECTED:
            return Refusal(
                "not_approved",
                f"the change is {case.state.value}; only an approved one may be deployed",
            )
        case State.EXPIRED:
            return Refusal("expired", "the approval was not used in time; submit the change again")
        case State.DEPLOYING:
            by = case.admitted_run or replace(run, id="another")
            return Refusal(
                "consumed",
                f"run {by.id}, attempt {by.attempt} has used this approval already; submit "
                "the change again",
            )
        case _:
            return Refusal("state_conflict", f"the change is {case.state.value}; submit a new one")


def _not_the_judged_job(case: AdmissionCase, proof: Proof | None) -> Refusal | None:
    """Return why the decision must be made again if the job has another ref or workflow than the
    one that was judged, or differs in whether it has an environment; or None.

    The new decision judges the job by what its own token proves.
    """
    proved = case.proved
    if proved is None or proof is None:
        return None
    for what, then, now in (
        ("ref", proved.ref, proof.ref),
        ("workflow", proved.workflow, proof.workflow),
        ("environment", *_environments(case, proved, proof)),
    ):
        if then != now:
            words = (
                f"this was decided for {what} {then or 'unknown'}, the token proves {now or 'none'}"
            )
            return Refusal(
                "stale_decision", f"{words}; it is decided again for this one, ask once more"
            )
    return None


def _environments(case: AdmissionCase, then: Proof, now: Proof) -> tuple[str | None, str | None]:
    """Return the environment if the token named it at the decision, and if it names it now; None
    and None where no policy looks at that.

    A job without an environment often asks for one that has it.
    """
    if not case.looks_at_environment:
        return None, None
    named = case.subject.environment
    return named if then.environment else None, named if now.environment else None


def _switched(case: AdmissionCase) -> Refusal | None:
    """Return why the decision must be made again if the gate began or ended to enforce here since
    then.

    A decision of an observing gate approves nothing once the gate enforces, and one of an enforcing
    gate holds nobody up once the gate only observes.
    """
    if case.observed == case.observing:
        return None
    then, now = ("observed", "enforces") if case.observed else ("enforced", "only observes")
    return Refusal(
        "stale_decision",
        f"the gate {then} here when this was decided, and {now} by now;"
        " it is decided again, ask once more",
    )


def _outside_window(planned: Planned, at: datetime) -> Refusal | None:
    if planned.start is not None and at < planned.start:
        return Refusal(
            "outside_window",
            f"this was planned to start on {clock(planned.start)}, and it is {clock(at)} now; wait "
            "until then",
        )
    if planned.end is not None and at > planned.end:
        return Refusal(
            "outside_window",
            f"this was planned to end by {clock(planned.end)}, and it is {clock(at)} now; "
            "submit it again",
        )
    return None


def _held(hold: Hold | None) -> Refusal | None:
    if hold is None:
        return None
    if hold.stop:
        return Refusal("frozen", "the line is stopped; wait until somebody lifts it")
    until = f" until {clock(hold.until)}" if hold.until else ""
    return Refusal(
        "frozen",
        f"this is frozen{until} by the window {hold.window}; wait, or ask "
        f"{' or '.join(hold.lifted_by) or 'a release manager'} for an override",
    )


def _conflict(case: AdmissionCase) -> Refusal | None:
    if case.parallel or case.rollback or not case.others_deploying:
        return None
    return Refusal(
        "conflict", f"{min(case.others_deploying)} is deploying here; wait until it is closed"
    )


def _stale(case: AdmissionCase) -> Refusal | None:
    if case.what_ran != case.what_runs:
        return Refusal(
            "stale_decision",
            "another commit runs here than when this was decided; it is decided again, ask once "
            "more",
        )
    if case.decided_direction not in {"forward", case.direction}:
        # A rollback may pass a freeze and needs fewer approvals. It is no rollback any more if the
        # report that this content had run well was taken back.
        words = (
            f"this was decided as a {case.decided_direction}, and is {case.direction} "
            "by now; it is decided again, ask once more"
        )
        return Refusal("stale_decision", words)
    return None


def _consumer(run: Run | None) -> tuple[str, int, str] | None:
    return None if run is None else (run.id, run.attempt, run.step)
