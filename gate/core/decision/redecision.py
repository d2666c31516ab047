"""A decision was made again: does it differ from the one before, and do approvals still count?"""

from gate.core.change import Planned
from gate.core.decision.admission import proof_of
from gate.core.decision.guards import KEPT, NOTHING_IN_FORCE, in_the_way
from gate.core.decision.record import Record
from gate.core.decision.values import Decision, Finding, FindingKind, Outcome


def same(before: Record, now: Record) -> bool:
    """Return whether nothing changed that a person acts on.

    Then nothing is written and the digest stays.

    The people are compared too, because whoever was named since the last decision is excluded, and
    the ledger has to say so.
    """
    return _matters(before) == _matters(now)


def keeps_approvals(before: Record, now: Decision, planned: Planned) -> bool:
    """Return whether approvals of the decision before count for this one too.

    They do if neither the band nor the unmet requirements became worse and the planned times are
    those that were shown, because whoever approved Sunday night has not approved Monday noon. A
    rejection keeps none.
    """
    decided = before.decision
    if now.outcome is Outcome.REJECTED or now.band > decided.band or now.type is not decided.type:
        return False
    return planned == before.asked.planned and _unmet(now) <= _unmet(decided)


def _matters(record: Record) -> tuple[object, ...]:
    decision, hold = record.decision, record.decision.hold
    holds = tuple(
        (finding.kind, finding.rule, finding.holds, in_the_way(finding), _words(finding))
        for finding in decision.findings
        # When the code host was asked makes no difference, as long as its facts are the same.
        if finding.rule != KEPT
    )
    held_by = (hold.window, hold.stop) if hold else None
    return (
        decision.outcome,
        decision.type,
        decision.band,
        holds,
        decision.required,
        held_by,
        decision.excused,
        record.asked.planned,
        proof_of(record.asked.run, record.case.facts),
        record.case.people,
    )


def _words(finding: Finding) -> object:
    """Return the words of the note that nothing is in force; for other findings words do not count.

    Whoever mends the policies reads this note, so other words are another decision.
    """
    return finding.seen if finding.rule == NOTHING_IN_FORCE else None


def _unmet(decision: Decision) -> frozenset[str]:
    requirements = (one for one in decision.findings if one.kind is FindingKind.REQUIREMENT)
    return frozenset(one.rule for one in requirements if one.holds is not True)
