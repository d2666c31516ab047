"""A finding as one sentence: what was seen, and what the limit was. Values stand in it as they do on the wire."""

import json
import re
from collections.abc import Sequence

from gate.core.decision import Finding, FindingKind
from gate.core.evaluate import counts, plan_of
from gate.core.facts import FACTS, Facts, FactType, Value, Values, wire_value
from gate.core.policy import Clause, Part, Policy, Requirement, Rule, StandardChange

NAMED_MAX = 5
"""Facts, or items of a list, that a sentence names; the others are counted."""
ITEM_LENGTH_MAX = 120

_BARE = re.compile(r"[A-Za-z0-9_./-]+")
_MEASURES = frozenset({"service.tier", "calendar.hour", "reviews.pull_request"})
"""Whole numbers that count nothing: one does not say "2 service tier"."""


def sentence(finding: Finding, facts: Facts, policy: Policy | None) -> str:
    """Why the finding is as it is. `facts` are all recorded facts, `policy` the one that gave the finding, if there was one."""
    if finding.kind is FindingKind.GATE:
        return _guard(finding)
    subject = plan_of(policy).subjects.get((finding.kind, finding.rule)) if policy else None
    if policy is None or subject is None:
        return _without_policy(finding, facts)
    if isinstance(subject, Rule):
        return _rule(subject, finding, facts, policy)
    if isinstance(subject, Requirement):
        return _requirement(subject, finding, facts, policy)
    return _standard_change(subject, finding, facts, policy)


def shown(name: str, value: Value) -> str:
    """A value in a sentence: text that is more than a word is quoted, and nothing in it can act on a terminal."""
    if isinstance(value, tuple):
        more = f" and {len(value) - NAMED_MAX} more" if len(value) > NAMED_MAX else ""
        return ", ".join(map(_text, value[:NAMED_MAX])) + more if value else "empty"
    if isinstance(value, str):
        return _text(value)
    return "true" if value is True else "false" if value is False else str(wire_value(name, value))


def _text(text: str) -> str:
    if _BARE.fullmatch(text):
        return text if len(text) <= ITEM_LENGTH_MAX else f"{text[:ITEM_LENGTH_MAX]}…"
    short = text if len(text) <= ITEM_LENGTH_MAX else f"{text[:ITEM_LENGTH_MAX]}…"
    return json.dumps(short, ensure_ascii=not short.isprintable())


def _guard(finding: Finding) -> str:
    said = dict(finding.seen)
    return said.get("because") or "; ".join(f"{word}: {text}" for word, text in finding.seen) or finding.title


def _without_policy(finding: Finding, facts: Facts) -> str:
    """What can be said when the policy is not at hand."""
    seen = [f"{name} is {shown(name, facts[name].value)}" if name in facts else f"{name} is unknown" for name in finding.facts]
    return "; ".join((_listed(seen), *([_gives(finding.points)] if finding.kind is FindingKind.RULE else [])))


def _rule(rule: Rule, finding: Finding, facts: Facts, policy: Policy) -> str:
    if rule.when is None:
        return _steps(rule, finding, facts, policy)
    values = _values(rule.when.facts, facts, policy)
    if finding.holds:
        seen = _listed([_seen(part, values, facts, policy) for part in rule.when.parts])
        return f"{seen}; {rule.when.text} {_gives(finding.points)}"
    part = _deciding(rule.when, values)
    seen = _seen(part, values, facts, policy)
    if finding.holds is None:
        return f"{seen}; counted as the worst case, {_points(finding.points)}"
    return f"{seen}; {part.text} does not hold, no points"


def _steps(rule: Rule, finding: Finding, facts: Facts, policy: Policy) -> str:
    name = rule.points_by or ""
    if finding.holds is None:
        return f"{_unseen(name, facts, policy)}; counted as the worst case, {_points(finding.points)}"
    value = facts[name].value if name in facts else ""
    if finding.step is None:
        return f"{_counted(name, value)}; fewer than {shown(name, rule.steps[0][0])} {_gives(0)}"
    return f"{_counted(name, value)}; {shown(name, finding.step)} or more {_gives(finding.points)}"


def _counted(name: str, value: Value) -> str:
    """`812 lines added`; of one, and of what is no count, `lines added: 1`."""
    fact = FACTS[name]
    if fact.type is FactType.INTEGER and name not in _MEASURES and value != 1:
        return f"{shown(name, value)} {fact.words}"
    return f"{fact.words}: {shown(name, value)}"


def _requirement(requirement: Requirement, finding: Finding, facts: Facts, policy: Policy) -> str:
    require, unless = requirement.require, requirement.unless
    values = _values(finding.facts, facts, policy)
    if not finding.holds:
        part = _deciding(require, values)
        unexcused = ""
        if unless is not None and unless.check(values) is None:
            unexcused = f"; {_seen(_deciding(unless, values), values, facts, policy)}, so it is not excused"
        return f"{_seen(part, values, facts, policy)}; required is {part.text}{unexcused}"
    if unless is not None and require.check(values) is not True:
        return f"{_listed([_seen(part, values, facts, policy) for part in unless.parts])}; not required then"
    return f"{_listed([_seen(part, values, facts, policy) for part in require.parts])}; as required"


def _standard_change(standard: StandardChange, finding: Finding, facts: Facts, policy: Policy) -> str:
    values = _values(finding.facts, facts, policy)
    if finding.holds:
        return f"{_listed([_seen(part, values, facts, policy) for part in standard.when.parts])}; it matches"
    part = _deciding(standard.when, values)
    return f"{_seen(part, values, facts, policy)}; it asks for {part.text}"


def _values(names: Sequence[str], facts: Facts, policy: Policy) -> Values:
    return {name: fact.value for name in names if (fact := facts.get(name)) is not None and counts(policy, name, fact)}


def _deciding(clause: Clause, values: Values) -> Part:
    """The entry that does not hold; else the first that is unknown."""
    if len(clause.parts) == 1:
        return clause.parts[0]
    unknown = None
    for part in clause.parts:
        holds = part.check(values)
        if holds is False:
            return part
        if holds is None and unknown is None:
            unknown = part
    return unknown or clause.parts[0]


def _seen(part: Part, values: Values, facts: Facts, policy: Policy) -> str:
    """What the entry looked at, claims that do not count included."""
    if part.example is None or part.facts[0] not in values:
        return _listed([_fact(name, values, facts, policy) for name in part.facts])
    name, example = part.facts[0], part.example(values)
    if example is not None:
        return f"{name} has {_text(example)}"
    items = values[name]
    if not isinstance(items, tuple) or not items:
        return f"{name} is empty"
    return f"{'all' if part.text.startswith('all ') else 'none'} of the {len(items)} in {name}"


def _fact(name: str, values: Values, facts: Facts, policy: Policy) -> str:
    value = values.get(name)
    return _unseen(name, facts, policy) if value is None else f"{name} is {shown(name, value)}"


def _unseen(name: str, facts: Facts, policy: Policy) -> str:
    claimed = facts.get(name)
    if claimed is None:
        return f"{name} is unknown"
    trusted = ", ".join(sorted(policy.trust_claims)) or "no claims"
    return f"{name} is claimed ({shown(name, claimed.value)}), not counted: {policy.name} trusts {trusted}"


def _listed(seen: Sequence[str]) -> str:
    if len(seen) == 1:
        return seen[0]
    more = f" and {len(seen) - NAMED_MAX} more" if len(seen) > NAMED_MAX else ""
    return ", ".join(seen[:NAMED_MAX]) + more


def _gives(points: int) -> str:
    if points < 0:
        return f"takes {_points(-points)} off"
    return f"gives {_points(points)}"


def _points(points: int) -> str:
    return "no points" if points == 0 else "1 point" if points == 1 else f"{points} points"
