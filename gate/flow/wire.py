"""How values look on the wire, wherever they are shown."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import orjson
from orjson import Fragment

from gate.core.decision import Finding, FindingKind, Hold
from gate.core.evaluate import plan_of
from gate.core.facts import FACTS, Facts, FactType, wire_value
from gate.core.policy import Policy
from gate.core.sentences import sentences
from gate.flow.asks import Wire

REASONS_KEPT_MAX = 5_000
"""Of one policy."""

_NOT_KEPT = ()
_LISTS = frozenset(name for name, fact in FACTS.items() if fact.type is FactType.TEXTS)


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


def reasons(findings: Sequence[Finding], facts: Facts, policy: Policy | None) -> list[Wire]:
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


def written_reasons(findings: Sequence[Finding], facts: Facts, policy: Policy | None) -> list[Wire | Fragment]:
    """The same, ready to be written as JSON. Most findings look at facts of few values, so most were written before."""
    if policy is None:
        return [*reasons(findings, facts, policy)]
    kept = plan_of(policy).reasons
    keys = [_key(finding, facts) for finding in findings]
    found: list[Wire | Fragment | None] = [kept.get(key) for key in keys]
    missing = [number for number, reason in enumerate(found) if reason is None]
    for number, reason in zip(missing, reasons([findings[number] for number in missing], facts, policy), strict=True):
        found[number] = reason if keys[number] == _NOT_KEPT else _keep(kept, keys[number], reason)
    return [reason for reason in found if reason is not None]


def _keep(kept: dict[tuple[object, ...], Fragment], key: tuple[object, ...], reason: Wire) -> Fragment:
    if len(kept) >= REASONS_KEPT_MAX:
        kept.clear()
    written = kept[key] = Fragment(orjson.dumps(reason))
    return written


def _key(finding: Finding, facts: Facts) -> tuple[object, ...]:
    """Everything a reason is made of, beside its policy."""
    names = finding.facts
    if finding.kind is FindingKind.GATE or not _LISTS.isdisjoint(names):
        return _NOT_KEPT
    seen = facts.get(names[0]) if len(names) == 1 else tuple([facts.get(name) for name in names])
    return finding.rule, finding.holds, finding.points, finding.step, finding.kind, seen


def all_facts(facts: Facts) -> Wire:
    """Facts by full name, as an evaluation shows them."""
    return {name: _fact(name, facts) for name in facts}


def _fact(name: str, facts: Facts) -> Wire:
    fact = facts.get(name)
    if fact is None:
        return {"value": None, "origin": None}
    return {"value": wire_value(name, fact.value), "origin": fact.origin}
