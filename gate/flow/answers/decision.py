"""Answers about decisions: those of a change, rows of the log, and what would be decided now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gate.core.change import Repository, Result, State
from gate.core.decision.record import Record
from gate.core.decision.values import BandWord, ChangeType, Decision, Outcome, Route
from gate.core.policy.policy import Policy
from gate.flow.answers.change import (
    NOT_REVIEWED,
    ApprovalsAnswer,
    AssessedAnswer,
    ChangeIncidentAnswer,
    JudgedAnswer,
    approvals_answer,
    assessed,
    judged,
    reasons_of,
    required_of,
)
from gate.flow.answers.parts import (
    HoldAnswer,
    PolicyAnswer,
    RequiredAnswer,
    RiskAnswer,
    RunAnswer,
    Sha256,
    hold_answer,
    policy_answer,
    run_answer,
)
from gate.flow.answers.reasons import FactAnswer, ReasonAnswer, fact_answers


@dataclass(frozen=True)
class ShadowAnswer:
    """The decision that a policy in `mode: evaluate` would have made."""

    policy: str | None
    outcome: Outcome
    type: ChangeType
    risk: RiskAnswer


@dataclass(frozen=True)
class EvaluationAnswer(AssessedAnswer):
    """The decision that would be made now. Nothing was recorded."""

    ref: str | None
    run: RunAnswer | None
    approvals: ApprovalsAnswer
    hold: HoldAnswer | None
    facts: Mapping[str, FactAnswer]
    shadows: tuple[ShadowAnswer, ...]


@dataclass(frozen=True)
class _Numbered:
    """The first fields of a decision."""

    change: str
    decision: int
    at: datetime


@dataclass(frozen=True)
class DecisionAnswer(JudgedAnswer, _Numbered):
    """One decision of a change, with every fact from which it was made."""

    subject_digest: Sha256
    hold: HoldAnswer | None
    facts: Mapping[str, FactAnswer]
    shadows: tuple[ShadowAnswer, ...]
    carries: tuple[int, ...]
    required: tuple[RequiredAnswer, ...]


@dataclass(frozen=True)
class OverrideAnswer:
    """A person's override of a hold or of a rejection."""

    by: str
    at: datetime
    comment: str


@dataclass(frozen=True)
class LogRowAnswer(_Numbered):
    """One decision in the log."""

    kind: Literal["decision"]
    service: str
    environment: str
    repository: Repository | None
    commit: str
    run: RunAnswer | None
    requested_by: str | None
    title: str
    type: ChangeType
    route: Route
    outcome: Outcome
    # The fields from `state` to `incidents` are of the change as it is now, not of this decision.
    state: State
    result: Result | None
    approved_by: tuple[str, ...]
    overrides: tuple[OverrideAnswer, ...]
    incidents: tuple[ChangeIncidentAnswer, ...]
    band: BandWord
    score: int
    policy: PolicyAnswer
    reasons: tuple[ReasonAnswer, ...]


@dataclass(frozen=True)
class ActRowAnswer:
    """One act in the log: what somebody did to a change, or to the gate itself.

    `by` is a name, or null if the gate acted by itself. `what` says what was done, and `comment` is
    what the person wrote about it.
    """

    kind: str
    at: datetime
    by: str | None
    what: str
    comment: str
    change: str | None
    service: str | None
    environment: str | None
    title: str


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of the change of a row. `approved_by` are the names of those whose approval
    counts.
    """

    state: State
    result: Result | None
    approved_by: tuple[str, ...] = ()
    overrides: tuple[OverrideAnswer, ...] = ()
    incidents: tuple[ChangeIncidentAnswer, ...] = ()


def evaluation_answer(
    record: Record, policy: Policy | None, texts: Mapping[str, str]
) -> EvaluationAnswer:
    """Return what would be decided, with all facts. It has no id, state or times."""
    return EvaluationAnswer(
        **vars(assessed(record, reasons_of(record, policy, texts), texts)),
        ref=record.asked.ref,
        run=run_answer(record.asked.run),
        approvals=approvals_answer(record, NOT_REVIEWED, texts),
        hold=hold_answer(record.decision.hold, texts),
        facts=fact_answers(record.case.facts),
        shadows=_shadows(record.decision),
    )


def decision_answer(
    record: Record, policy: Policy | None, texts: Mapping[str, str]
) -> DecisionAnswer:
    """Return one decision of a change, with everything from which it was made."""
    return DecisionAnswer(
        **vars(judged(record, reasons_of(record, policy, texts), texts)),
        change=record.change,
        decision=record.number,
        at=record.at,
        subject_digest=record.subject_digest,
        hold=hold_answer(record.decision.hold, texts),
        facts=fact_answers(record.case.facts),
        shadows=_shadows(record.decision),
        carries=record.carries,
        required=required_of(record),
    )


def log_row(
    record: Record, policy: Policy | None, texts: Mapping[str, str], ended: Ended
) -> LogRowAnswer:
    """Return one row of the log: one decision, and what became of its change."""
    asked, decision, subject = record.asked, record.decision, record.subject
    return LogRowAnswer(
        change=record.change,
        decision=record.number,
        at=record.at,
        kind="decision",
        service=subject.service,
        environment=subject.environment,
        repository=asked.repository,
        commit=subject.commit,
        run=run_answer(asked.run),
        requested_by=texts.get(asked.requested_by),
        title=texts.get(asked.title, ""),
        type=decision.type,
        route=decision.route,
        outcome=decision.outcome,
        state=ended.state,
        result=ended.result,
        approved_by=ended.approved_by,
        overrides=ended.overrides,
        incidents=ended.incidents,
        band=decision.band.word,
        score=decision.score,
        policy=policy_answer(record),
        reasons=reasons_of(record, policy, texts),
    )


def _shadows(decision: Decision) -> tuple[ShadowAnswer, ...]:
    return tuple(
        ShadowAnswer(one.policy, one.outcome, one.type, RiskAnswer(one.score, one.band.word))
        for one in decision.shadows
    )
