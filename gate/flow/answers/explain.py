"""Why a change was decided as it was, sorted for a reader: what stands against it first, each with
its kind.
"""

from gate.core.decision.record import Record
from gate.core.decision.values import Finding, FindingKind
from gate.core.policy.policy import Policy
from gate.flow.answers.wire import reasons
from gate.flow.asks import Wire


def explained(record: Record, policy: Policy | None) -> list[Wire]:
    """Every finding with its sentence, its kind, and whether it stands against the change.

    The one that decided stands first.
    """
    findings = record.decision.findings
    told = reasons(findings, record.case.facts, policy)
    return [
        {**one, "kind": finding.kind.value, "against": is_against(finding)}
        for finding, one in zip(findings, told, strict=True)
    ]


def against(told: list[Wire]) -> list[Wire]:
    """What a reviewer looks at first: what decided, then what is required and not met, then what
    gave most points.
    """
    found = [one for one in told[1:] if one["against"]]
    found.sort(key=lambda one: (one["kind"] == FindingKind.RULE.value, -one["points"]))
    return told[:1] + [one for one in found if one["rule"] != told[0]["rule"]] if told else []


def is_against(finding: Finding) -> bool:
    """Whether it is a reason to look: points, a requirement that is not met, or what the gate
    itself has to say.
    """
    if finding.kind is FindingKind.RULE:
        return finding.points > 0
    if finding.kind is FindingKind.REQUIREMENT:
        return not finding.holds
    return finding.kind is FindingKind.GATE


def is_unknown(one: Wire) -> bool:
    """Whether it is a requirement of which nobody knows if it holds; several of them are one reason
    to a reader.
    """
    return one["kind"] == FindingKind.REQUIREMENT.value and one["holds"] is None
