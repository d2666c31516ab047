"""Decide one change. Every branch is in `_decide_by`; only its last line but one approves.

Where the gate only observes, `_observed` lets the finished decision pass and keeps what it would
have been.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from gate.core.decision.approvals import LAST_RESORT, needed, raised_to_two
from gate.core.decision.evaluate import Evaluation, evaluate, seen_as
from gate.core.decision.guards import (
    EMERGENCY,
    NOBODY_NAMED,
    NOTHING_IN_FORCE,
    InTheWay,
    contradicted,
    emergency_debt,
    guard,
    held_by,
    others_in_flight,
    rejected_here,
)
from gate.core.decision.standard import NOT_EARNED, StandardStatus, standard_key
from gate.core.decision.values import (
    Band,
    ChangeType,
    Contradiction,
    Decision,
    Finding,
    FindingKind,
    Hold,
    Outcome,
    Required,
    Route,
    Terms,
    WouldBe,
    binding,
)
from gate.core.facts import Facts
from gate.core.policy.policy import Policy, Requirement, StandardChange
from gate.core.policy.set import Policies


class People(NamedTuple):
    """The people who requested the change and who wrote it."""

    # Ids of people in the catalogue who may not approve, sorted.
    excluded: tuple[str, ...] = ()
    # At least one author, requester or actor is known.
    named: bool = False
    # The code host says who wrote it; for an emergency the token says who asks.
    verified: bool = False
    # One of the identities belongs to several people.
    shared: bool = False


NOBODY_KNOWN = People()


class Case(NamedTuple):
    """Everything that a decision is made from, apart from the policies.

    The whole case is recorded, so that the decision can be replayed.
    """

    facts: Facts
    at: datetime
    emergency: bool = False
    people: People = NOBODY_KNOWN
    contradictions: tuple[Contradiction, ...] = ()
    # Open freeze windows and a stopped line, without those that were overridden for this change.
    holds: tuple[Hold, ...] = ()
    # How many other changes of this service and environment are in flight.
    in_flight: int = 0
    # Of those, how many are deploying.
    deploying: int = 0
    # Some of them, so that a sentence can name one.
    in_the_way: tuple[InTheWay, ...] = ()
    overdue_reviews: int = 0
    # The change as which a person rejected this commit here, if nobody has lifted that.
    rejection: str | None = None
    # By `standard_key`.
    standard_statuses: Mapping[str, StandardStatus] = MappingProxyType({})
    # What else a reviewer must know, such as why a fact was left out.
    notes: tuple[Finding, ...] = ()
    # The catalogue says that the gate only observes here.
    observing: bool = False


def decide(
    policies: Policies, case: Case, failed: Callable[[Exception], None] = lambda _: None
) -> Decision:
    """Return the decision for this case.

    An error while a policy is evaluated becomes a finding and never approves. `failed` is called
    with the error, because this part of the gate has no log and an operator needs the cause.
    """
    decision = _decide(policies, case, failed)
    return _observed(decision) if case.observing else decision


def _decide(policies: Policies, case: Case, failed: Callable[[Exception], None]) -> Decision:
    try:
        return _decide_enforced(policies, case)
    except Exception as error:  # noqa: BLE001 - whatever went wrong in a policy, people decide
        failed(error)
        finding = guard(
            "evaluation-failed",
            f"the policies could not be evaluated ({type(error).__name__}); two release "
            "managers decide",
        )
        return _without_policy(case, finding)


def _observed(decision: Decision) -> Decision:
    """Return the decision of an observing gate: approved, with what it would have been.

    Nobody is asked and nothing holds the change. Findings and score stay as they are.
    """
    would_be = WouldBe(
        decision.outcome, decision.type, decision.route, decision.required, decision.hold
    )
    return decision._replace(
        outcome=Outcome.APPROVED, route=Route.OBSERVED, required=(), hold=None, observed=would_be
    )


def _decide_enforced(policies: Policies, case: Case) -> Decision:
    values = {
        name: fact.value
        for name in policies.looked_at
        if (fact := case.facts.get(name)) is not None
    }
    choice = policies.policy_for(values)
    shadows = tuple(_decide_by(policy, case) for policy in policies.shadows(values))
    if choice.policy is None:
        nothing_in_force = (note for note in case.notes if note.rule == NOTHING_IN_FORCE)
        finding = next(nothing_in_force, choice.finding) or guard(
            "no-policy", "no enforced policy applies; two release managers decide"
        )
        return _undecided(
            case,
            finding,
            [_decide_by(policy, case) for policy in policies.possible(values)],
            shadows,
        )
    return _decide_by(choice.policy, case, shadows)


def _decide_by(policy: Policy, case: Case, shadows: tuple[Decision, ...] = ()) -> Decision:  # noqa: C901, PLR0911 - one branch and one return a rule, in the order of the contract
    evaluation = evaluate(policy, case.facts)
    rollback = seen_as(policy, case.facts, "change.direction") == "rollback"
    passing, why_not = _standard_change(policy, evaluation, case, rollback=rollback)
    excused = case.emergency or (passing is not None and passing.during_freeze)
    answer = _Answer(policy, case, evaluation, shadows, excused)

    refused = [item for item in evaluation.unmet if item.otherwise is Outcome.REJECTED]
    if refused:
        return answer.rejected(_finding_of(evaluation, refused[0]))
    hold = binding(case.holds, excused=excused)
    if hold is not None:
        return answer.pending(held_by(hold), hold)
    if case.emergency:
        return answer.pending(EMERGENCY)
    if case.rejection is not None and not rollback:
        return answer.pending(rejected_here(case.rejection))
    if evaluation.unmet:
        return answer.pending(_finding_of(evaluation, evaluation.unmet[0]))
    in_flight = case.in_flight - (case.deploying if rollback else 0)
    if in_flight > 0 and not policy.parallel:
        others = [one for one in case.in_the_way if not (one.deploying and rollback)]
        return answer.pending(others_in_flight(others, in_flight))
    if case.contradictions:
        return answer.pending(contradicted(case.contradictions))
    if case.overdue_reviews > 0 and not rollback:
        return answer.pending(emergency_debt(case.overdue_reviews))
    if not case.people.named:
        return answer.pending(NOBODY_NAMED)
    if passing is not None:
        return answer.approved(passing)
    return answer.pending(guard("review", why_not))


class _Answer(NamedTuple):
    """The fields that the three possible decisions about one case share."""

    policy: Policy
    case: Case
    evaluation: Evaluation
    shadows: tuple[Decision, ...]
    excused: bool

    def approved(self, standard: StandardChange) -> Decision:
        because = f"{standard.title}, risk {self.evaluation.score} is {self.evaluation.band.word}"
        finding = Finding(
            FindingKind.GATE, standard.id, standard.title, holds=True, seen=(("because", because),)
        )
        return self._decision(
            Outcome.APPROVED, ChangeType.STANDARD, Route.AUTOMATIC, finding, standard=standard.id
        )

    def rejected(self, finding: Finding) -> Decision:
        kind = ChangeType.EMERGENCY if self.case.emergency else ChangeType.NORMAL
        return self._decision(Outcome.REJECTED, kind, Route.AUTOMATIC, finding)

    def pending(self, finding: Finding, hold: Hold | None = None) -> Decision:
        kind, route = _by_people(emergency=self.case.emergency)
        owners = seen_as(self.policy, self.case.facts, "service.owners")
        required = needed(
            self.policy,
            self.evaluation.band,
            owners=owners if isinstance(owners, tuple) else (),
            emergency=self.case.emergency,
        )
        people = self.case.people
        if (
            not people.named
            or people.shared
            or (self.policy.two_unverified_authors and not people.verified)
        ):
            required = raised_to_two(required)
        return self._decision(Outcome.PENDING, kind, route, finding, hold=hold, required=required)

    def _decision(  # noqa: PLR0913 - the fields in which the three outcomes differ
        self,
        outcome: Outcome,
        kind: ChangeType,
        route: Route,
        finding: Finding,
        *,
        standard: str | None = None,
        hold: Hold | None = None,
        required: tuple[Required, ...] = (),
    ) -> Decision:
        return Decision(
            outcome=outcome,
            type=kind,
            route=route,
            score=self.evaluation.score,
            band=self.evaluation.band,
            policy=self.policy.name,
            findings=(finding, *self.case.notes, *_without(finding, self.evaluation.findings)),
            standard_change=standard,
            matched_standard_changes=tuple(
                item.id for item in self.evaluation.matched if self.evaluation.band <= item.up_to
            ),
            required=required,
            hold=hold,
            excused=self.excused,
            terms=_terms(self.policy, emergency=self.case.emergency),
            shadows=self.shadows,
        )


def _undecided(
    case: Case, finding: Finding, possible: list[Decision], shadows: tuple[Decision, ...]
) -> Decision:
    """Return the decision where it is unknown which policy applies.

    People decide, and at least as strictly as the strictest of the policies that may apply.
    """
    worst = max(possible, key=_strictness, default=None)
    pending = _without_policy(case, finding, shadows)
    if worst is None or _strictness(worst) <= _strictness(pending):
        return pending
    if worst.outcome is Outcome.REJECTED:
        return worst._replace(findings=(finding, *worst.findings), shadows=shadows)
    return pending._replace(required=worst.required)


def _strictness(decision: Decision) -> tuple[int, int]:
    order = (Outcome.APPROVED, Outcome.PENDING, Outcome.REJECTED)
    return order.index(decision.outcome), sum(entry.count for entry in decision.required)


def _without_policy(case: Case, finding: Finding, shadows: tuple[Decision, ...] = ()) -> Decision:
    kind, route = _by_people(emergency=case.emergency)
    return Decision(
        outcome=Outcome.PENDING,
        type=kind,
        route=route,
        score=0,
        band=Band.CRITICAL,
        policy=None,
        findings=(finding, *(note for note in case.notes if note is not finding)),
        required=LAST_RESORT,
        hold=binding(case.holds, excused=case.emergency),
        excused=case.emergency,
        shadows=shadows,
    )


def _by_people(*, emergency: bool) -> tuple[ChangeType, Route]:
    """Return the type and the route of a change on which people decide."""
    if emergency:
        return ChangeType.EMERGENCY, Route.EMERGENCY
    return ChangeType.NORMAL, Route.REVIEW


def _standard_change(
    policy: Policy, evaluation: Evaluation, case: Case, *, rollback: bool
) -> tuple[StandardChange | None, str]:
    """Return the standard change by which the change passes, or None and why none applies."""
    reasons = [f"risk {evaluation.score} is {evaluation.band.word}, and no standard change matches"]
    passing = []
    for standard in evaluation.matched:
        obstacle = _obstacle(policy, standard, evaluation, case, rollback=rollback)
        if obstacle is None:
            passing.append(standard)
        else:
            reasons.append(obstacle)
    # One that passes during a freeze comes first, because for the rest all of them are as good.
    passing.sort(key=lambda standard: not standard.during_freeze)
    return (passing[0] if passing else None), reasons[-1]


def _obstacle(
    policy: Policy, standard: StandardChange, evaluation: Evaluation, case: Case, *, rollback: bool
) -> str | None:
    """Return why this standard change does not approve the change, or None if it does."""
    if evaluation.band > standard.up_to:
        return (
            f"risk {evaluation.score} is {evaluation.band.word}, {standard.title} goes up to "
            f"{standard.up_to.word}"
        )
    status = case.standard_statuses.get(standard_key(policy, standard), NOT_EARNED)
    if status.suspended:
        return f"{standard.title} is suspended here: {status.because}"
    if standard.review_by is not None and case.at.date() > standard.review_by and not rollback:
        return (
            f"{standard.title} was to be reviewed by {standard.review_by.isoformat()}, and is "
            "suspended until it is"
        )
    if standard.earn is not None and not status.earned:
        return f"{standard.title} is not earned here yet: {status.because}"
    return None


def _finding_of(evaluation: Evaluation, requirement: Requirement) -> Finding:
    return next(
        one
        for one in evaluation.findings
        if one.kind is FindingKind.REQUIREMENT and one.rule == requirement.id
    )


def _without(first: Finding, findings: tuple[Finding, ...]) -> Iterable[Finding]:
    """Return the findings of the policy without `first`, which stands before them already."""
    # A guard comes from the gate itself, so it is not among the findings of the policy.
    if first.kind is FindingKind.GATE:
        return findings
    return (other for other in findings if other is not first)


def _terms(policy: Policy, *, emergency: bool) -> Terms:
    rule = policy.emergency
    return Terms(
        expires_after_seconds=policy.expires_after_seconds,
        valid_for_seconds=rule.valid_for_seconds
        if emergency and rule
        else policy.valid_for_seconds,
        close_within_seconds=policy.close_within_seconds,
        parallel=policy.parallel,
    )
