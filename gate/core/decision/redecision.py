"""Is a decision that was made again another one, and which approvals does it keep?"""

from gate.core.decision.values import Decision, FindingKind, Outcome


def same(before: Decision, now: Decision) -> bool:
    """Nothing that a person would see differently: then nothing is written, and the digest stays."""
    return _matters(before) == _matters(now)


def keeps_approvals(before: Decision, now: Decision) -> bool:
    """Approvals carry over where neither the band nor the unmet requirements became worse; a rejection keeps none."""
    if now.outcome is Outcome.REJECTED or now.band > before.band or now.type is not before.type:
        return False
    return _unmet(now) <= _unmet(before)


def _matters(decision: Decision) -> tuple[object, ...]:
    holds = tuple((finding.kind, finding.rule, finding.holds) for finding in decision.findings)
    return (decision.outcome, decision.type, decision.band, holds, decision.required)


def _unmet(decision: Decision) -> frozenset[str]:
    return frozenset(item.rule for item in decision.findings if item.kind is FindingKind.REQUIREMENT and item.holds is not True)
