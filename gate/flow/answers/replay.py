"""The answer to a replay: a recorded decision beside the one that follows from its record."""

from dataclasses import dataclass

from gate.core.decision.record import Record
from gate.core.decision.replay import Replay, ReplayedBy
from gate.core.decision.values import BandWord, ChangeType, Decision, Outcome, Required, Route
from gate.core.policy.policy import Policy
from gate.flow.answers.parts import Sha256
from gate.flow.answers.reasons import ReasonAnswer, reasons


@dataclass(frozen=True)
class ReplayedDecisionAnswer:
    """A decision with every reason."""

    outcome: Outcome
    type: ChangeType
    route: Route
    score: int
    band: BandWord
    policy: str | None
    standard_change: str | None
    required: tuple[Required, ...]
    reasons: tuple[ReasonAnswer, ...]


@dataclass(frozen=True)
class ReplayAnswer:
    """Whether a decision follows from its record alone, and every difference.

    `recomputed` is null if nothing could be decided again; a difference says why.
    """

    change: str
    decision: int
    record_sha256: Sha256
    replayed_by: ReplayedBy
    same: bool
    recorded: ReplayedDecisionAnswer | None
    recomputed: ReplayedDecisionAnswer | None
    differences: tuple[str, ...]


def replayed_decision(
    record: Record, decision: Decision, policy: Policy | None
) -> ReplayedDecisionAnswer:
    """Return a decision on this record as an answer: the recorded one, or one that was made from it
    now.
    """
    return ReplayedDecisionAnswer(
        outcome=decision.outcome,
        type=decision.type,
        route=decision.route,
        score=decision.score,
        band=decision.band.word,
        policy=decision.policy,
        standard_change=decision.standard_change,
        required=decision.required,
        reasons=reasons(decision.findings, record.case.facts, policy),
    )


def replay_answer(
    change: str, number: int, sha256: str, found: Replay, policy: Policy | None
) -> ReplayAnswer:
    """Return both decisions, and in what they differ."""
    record = found.recorded
    return ReplayAnswer(
        change=change,
        decision=number,
        record_sha256=sha256,
        replayed_by=found.by,
        same=not found.differences,
        recorded=record and replayed_decision(record, record.decision, policy),
        recomputed=record
        and found.recomputed
        and replayed_decision(record, found.recomputed, policy),
        differences=found.differences,
    )
