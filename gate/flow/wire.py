"""How values look on the wire, wherever they are shown."""

from collections.abc import Mapping
from datetime import UTC, datetime

from gate.core.decision import Finding, Hold
from gate.core.facts import Facts, wire_value
from gate.core.policy import Policy
from gate.core.sentences import sentences
from gate.flow.asks import Wire


def instant(at: datetime | None) -> str | None:
    """RFC 3339 in UTC with a Z."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def hold(held: Hold | None, texts: Mapping[str, str]) -> Wire | None:
    """Why a change must wait, until when, and what lifts it; the reason of an ad-hoc window is a text."""
    if held is None:
        return None
    return {
        "window": held.window,
        "reason": texts.get(held.reason, held.reason),
        "until": instant(held.until),
        "lifted_by": list(held.lifted_by),
        "stop": held.stop,
    }


def reasons(findings: tuple[Finding, ...], facts: Facts, policy: Policy | None) -> list[Wire]:
    """Every finding with its sentence and the facts it looked at; the one that decided stands first."""
    return [
        {
            "rule": finding.rule,
            "title": finding.title,
            "points": finding.points,
            "holds": finding.holds,
            "because": because,
            "facts": {name: _fact(name, facts) for name in finding.facts},
        }
        for finding, because in zip(findings, sentences(findings, facts, policy), strict=True)
    ]


def all_facts(facts: Facts) -> Wire:
    """Facts by full name, as an evaluation shows them."""
    return {name: _fact(name, facts) for name in facts}


def _fact(name: str, facts: Facts) -> Wire:
    fact = facts.get(name)
    if fact is None:
        return {"value": None, "origin": None}
    return {"value": wire_value(name, fact.value), "origin": fact.origin}
