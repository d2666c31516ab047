"""How values look on the wire, wherever they are shown."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import repeat

import orjson
from orjson import Fragment

from gate.core.decision.sentences import sentences
from gate.core.decision.values import Finding, Hold, WouldBe
from gate.core.facts import Facts, wire_value
from gate.core.policy.policy import Policy
from gate.flow.asks import Wire

REASONS_KEPT_MAX = 20
"""Of one finding of a policy."""


def instant(at: datetime | None) -> str | None:
    """RFC 3339 in UTC with a Z."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def hold(held: Hold | None, texts: Mapping[str, str]) -> Wire | None:
    """Why a change must wait, until when, and what lifts it; the reason of an ad-hoc window is a
    text.
    """
    if held is None:
        return None
    return {
        "window": held.window,
        "reason": texts.get(held.reason, held.reason),
        "until": instant(held.until),
        "lifted_by": list(held.lifted_by),
        "stop": held.stop,
    }


def would_be(observed: WouldBe | None, texts: Mapping[str, str]) -> Wire | None:
    """What an observing gate would have said."""
    if observed is None:
        return None
    return {
        "outcome": observed.outcome,
        "type": observed.type,
        "route": observed.route,
        "required": [{"by": list(entry.by), "count": entry.count} for entry in observed.required],
        "hold": hold(observed.hold, texts),
    }


def reasons(findings: Sequence[Finding], facts: Facts, policy: Policy | None) -> list[Wire]:
    """Every finding with its sentence and the facts it looked at; the one that decided stands
    first.
    """
    shown = {
        name: _fact(name, facts)
        for name in dict.fromkeys(name for finding in findings for name in finding.facts)
    }
    return [
        {
            "rule": finding.rule,
            "title": finding.title,
            "points": finding.points,
            "holds": finding.holds,
            "because": because,
            "facts": {name: shown[name] for name in finding.facts},
        }
        for finding, because in zip(findings, sentences(findings, facts, policy), strict=True)
    ]


def written_reasons(
    findings: Sequence[Finding], facts: Facts, policy: Policy | None
) -> list[Wire | Fragment]:
    """The same, ready to be written as JSON.

    Most findings look at facts of few values, so most were written before.
    """
    if policy is None:
        return [*reasons(findings, facts, policy)]
    get = facts.get
    known = [
        one.told and one.told.get(get(one.sole) if one.sole else tuple(map(get, one.facts)))
        for one in findings
    ]
    new = [finding for finding, written in zip(findings, known, strict=True) if not written]
    told = map(_keep, new, reasons(new, facts, policy), repeat(facts))
    return [written or next(told) for written in known]


def _keep(finding: Finding, reason: Wire, facts: Facts) -> Wire | Fragment:
    """Everything a reason is made of, beside its finding, is what the finding saw."""
    if finding.told is None:
        return reason
    if len(finding.told) >= REASONS_KEPT_MAX:
        finding.told.clear()
    seen = facts.get(finding.sole) if finding.sole else tuple(map(facts.get, finding.facts))
    kept = finding.told[seen] = Fragment(orjson.dumps(reason))
    return kept


def all_facts(facts: Facts) -> Wire:
    """Facts by full name, as an evaluation shows them."""
    return {name: _fact(name, facts) for name in facts}


def _fact(name: str, facts: Facts) -> Wire:
    fact = facts.get(name)
    if fact is None:
        return {"value": None, "origin": None}
    return {"value": wire_value(name, fact.value), "origin": fact.origin}
