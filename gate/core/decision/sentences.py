"""Writes a finding as one sentence: what was seen, and what the limit was.

Facts are called by their words, and values are written as they are on the wire. A policy is taken
apart once for each kind of finding that it can give, into a `Wording`: a function that puts the
values between fixed words.
"""

import json
import re
from collections.abc import Callable, Sequence

from gate.core.decision.evaluate import plan_of, seen_as
from gate.core.decision.values import Finding, FindingKind
from gate.core.facts import Facts, Origin, Value, Values, definition, wire_value
from gate.core.policy.policy import Clause, Part, Policy, Requirement, Rule, StandardChange, Wording
from gate.core.policy.spoken import (
    YES_AND_NO,
    is_count,
    said_unknown,
    singular,
    whether,
    words_of,
)

NAMED_MAX = 5
"""How many facts, or items of a list, a sentence names; the others are only counted."""
ITEM_LENGTH_MAX = 120

_BARE = re.compile(r"[A-Za-z0-9_./-]+")


def sentences(findings: Sequence[Finding], facts: Facts, policy: Policy | None) -> list[str]:
    """Return a sentence for each finding.

    `facts` are all recorded facts, `policy` is the one that gave the findings, if there was one.
    """
    names = {name for finding in findings for name in finding.facts}
    values = (
        {name: value for name in names if (value := seen_as(policy, facts, name)) is not None}
        if policy
        else {}
    )
    return [_sentence(finding, values, facts, policy) for finding in findings]


def sentence(finding: Finding, facts: Facts, policy: Policy | None) -> str:
    """Return the sentence of one finding."""
    return sentences((finding,), facts, policy)[0]


def shown(name: str, value: Value) -> str:
    """Return a value as it stands in a sentence.

    Text that is more than one word is quoted, and control characters are escaped, because the
    sentence may be printed on a terminal.
    """
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, tuple):
        more = f" and {len(value) - NAMED_MAX} more" if len(value) > NAMED_MAX else ""
        if value:
            return ", ".join(map(_text, value[:NAMED_MAX])) + more
        return "empty"
    return "true" if value is True else "false" if value is False else str(wire_value(name, value))


def _text(text: str) -> str:
    if _BARE.fullmatch(text):
        if len(text) <= ITEM_LENGTH_MAX:
            return text
        return f"{text[:ITEM_LENGTH_MAX]}…"
    short = text if len(text) <= ITEM_LENGTH_MAX else f"{text[:ITEM_LENGTH_MAX]}…"
    return json.dumps(short, ensure_ascii=not short.isprintable())


def _sentence(finding: Finding, values: Values, facts: Facts, policy: Policy | None) -> str:
    if finding.kind is FindingKind.GATE:
        return _guard(finding)
    if policy is None:
        return _without_policy(finding, facts)
    wordings = plan_of(policy).wordings
    key = (finding.kind, finding.rule, finding.holds, finding.points, finding.step)
    wording = wordings.get(key)
    if wording is None:
        wording = _wording(finding, policy)
        if wording is None:
            return _without_policy(finding, facts)
        wordings[key] = wording
    return wording(values, facts)


def _guard(finding: Finding) -> str:
    said = dict(finding.seen)
    return (
        said.get("because")
        or "; ".join(f"{word}: {text}" for word, text in finding.seen)
        or finding.title
    )


def _without_policy(finding: Finding, facts: Facts) -> str:
    """Return the sentence that is possible without the policy: the facts and the points."""
    seen = [
        _said(name, facts[name].value) if name in facts else said_unknown(name)
        for name in finding.facts
    ]
    return "; ".join(
        (_listed(seen), *([_gives(finding.points)] if finding.kind is FindingKind.RULE else []))
    )


def _wording(finding: Finding, policy: Policy) -> Wording | None:
    """Return the wording of findings like this one, or None if the policy does not contain it."""
    subject = plan_of(policy).subjects.get((finding.kind, finding.rule))
    if isinstance(subject, Rule):
        if subject.when is None:
            return _steps(subject, finding, policy)
        return _rule(subject.when, finding, policy)
    if isinstance(subject, Requirement):
        return _requirement(subject, finding, policy)
    if subject is None:
        return None
    return _standard_change(subject, finding, policy)


def _rule(when: Clause, finding: Finding, policy: Policy) -> Wording:
    if finding.holds:
        return _giving(_every(when, policy), when.spoken, _gives(finding.points))
    if finding.holds is None:
        return _ending(
            _deciding(when, policy), f"; counted as the worst case, {_points(finding.points)}"
        )
    return _deciding(when, policy, lambda part: f"; points only if {part.spoken}")


def _giving(seen: Wording, condition: str, gives: str) -> Wording:
    """Return the wording of points, with the condition unless what was seen says the same."""

    def worded(values: Values, facts: Facts) -> str:
        said = seen(values, facts)
        return f"{said}, which {gives}" if said == condition else f"{said}; {condition} {gives}"

    return worded


def _steps(rule: Rule, finding: Finding, policy: Policy) -> Wording:
    name = rule.points_by or ""
    if finding.holds is None:
        worst = f"; counted as the worst case, {_points(finding.points)}"
        return lambda _values, facts: _unseen(name, facts, policy) + worst
    limit = (
        f"fewer than {shown(name, rule.steps[0][0])}"
        if finding.step is None
        else f"{shown(name, finding.step)} or more"
    )
    ending = f"; {limit} {_gives(finding.points)}"
    words, counts = words_of(name), is_count(name)
    several, one = f" {words}{ending}", f"1 {singular(words)}{ending}"

    def worded(_values: Values, facts: Facts) -> str:
        """Write `812 lines added`, `1 line added`, and `service tier: 2` for what is no count."""
        value = facts[name].value if name in facts else ""
        if not counts:
            return f"{words}: {shown(name, value)}{ending}"
        return one if value == 1 else f"{shown(name, value)}{several}"

    return worded


def _requirement(requirement: Requirement, finding: Finding, policy: Policy) -> Wording:
    require, unless = requirement.require, requirement.unless
    if not finding.holds:
        unmet = _deciding(require, policy, lambda part: f"; required: {part.spoken}{_remedy(part)}")
        if unless is None:
            return unmet
        return _unexcused(unmet, unless, policy)
    required = _ending(_every(require, policy), "; as required")
    if unless is None:
        return required
    excused = _ending(_every(unless, policy), "; not required then")
    return lambda values, facts: (required if require.check(values) is True else excused)(
        values, facts
    )


def _unexcused(unmet: Wording, unless: Clause, policy: Policy) -> Wording:
    excuse = _deciding(unless, policy)

    def worded(values: Values, facts: Facts) -> str:
        excused = (
            f"; {excuse(values, facts)}, so it is not excused"
            if unless.check(values) is None
            else ""
        )
        return unmet(values, facts) + excused

    return worded


def _standard_change(standard: StandardChange, finding: Finding, policy: Policy) -> Wording:
    if finding.holds:
        return _ending(_every(standard.when, policy), "; it matches")
    return _deciding(standard.when, policy, lambda part: f"; needed: {part.spoken}{_remedy(part)}")


def _remedy(part: Part) -> str:
    """Return what makes these facts hold, where one way does, each after a semicolon."""
    known = (definition(name) for name in part.facts)
    return "".join(f"; {fact.remedy}" for fact in known if fact is not None and fact.remedy)


def _ending(wording: Wording, ending: str) -> Wording:
    return lambda values, facts: wording(values, facts) + ending


def _every(clause: Clause, policy: Policy) -> Wording:
    """Return the wording of a clause that holds: all its entries."""
    return _together([_seen(part, policy, holds=True) for part in clause.parts])


def _deciding(
    clause: Clause, policy: Policy, ending: Callable[[Part], str] = lambda _: ""
) -> Wording:
    """Return the wording of a clause that does not hold: the first entry that does not, else the
    first that is unknown.
    """
    wordings = [
        (part.check, _ending(_seen(part, policy, holds=False), ending(part)))
        for part in clause.parts
    ]
    first = wordings[0][1]
    if len(wordings) == 1:
        return first

    def worded(values: Values, facts: Facts) -> str:
        unknown = None
        for check, wording in wordings:
            holds = check(values)
            if holds is False:
                return wording(values, facts)
            if holds is None and unknown is None:
                unknown = wording
        return (unknown or first)(values, facts)

    return worded


def _seen(part: Part, policy: Policy, *, holds: bool) -> Wording:
    """Return the wording of what an entry looked at, with claims that do not count.

    Of a list it names the item that decided, if one item did.
    """
    scalar = _together([_fact(name, policy) for name in part.facts])
    if part.example is None:
        return scalar
    name, example, quantifier = part.facts[0], part.example, part.text.partition(" ")[0]
    by_one = holds is (quantifier == "any")
    every = "all" if quantifier == "all" else "none"
    words = words_of(name)

    def worded(values: Values, facts: Facts) -> str:
        items = values.get(name)
        if not isinstance(items, tuple):
            return scalar(values, facts)
        found = example(values) if by_one else None
        if found is not None:
            return f"{words}: {_text(found)}"
        return f"{every} of the {words} ({len(items)})" if items else f"no {words}"

    return worded


def _fact(name: str, policy: Policy) -> Wording:
    def worded(values: Values, facts: Facts) -> str:
        value = values.get(name)
        if value is None:
            return _unseen(name, facts, policy)
        return _said(name, value)

    return worded


def _said(name: str, value: Value) -> str:
    """Say what a fact is: 2 checks failed, it has no rollback plan, the direction is forward."""
    if isinstance(value, bool):
        yes, no = YES_AND_NO.get(name, ("", ""))
        return (yes if value else no) or f"{words_of(name)}: {shown(name, value)}"
    words = words_of(name)
    if value == ():
        return f"no {words}"
    if isinstance(value, tuple):
        return f"{words}: {shown(name, value)}"
    if not is_count(name):
        return f"the {words} is {shown(name, value)}"
    return f"1 {singular(words)}" if value == 1 else f"{value or 'no'} {words}"


def _together(wordings: Sequence[Wording]) -> Wording:
    if len(wordings) == 1:
        return wordings[0]
    return lambda values, facts: _listed([wording(values, facts) for wording in wordings])


def _unseen(name: str, facts: Facts, policy: Policy) -> str:
    claimed = facts.get(name)
    if claimed is None:
        return said_unknown(name)
    if claimed.origin is not Origin.CLAIMED:
        return f"{said_unknown(name)}, because the list of files is claimed and not counted"
    trusted = ", ".join(sorted(policy.trust_claims)) or "no claims"
    return (
        f"claimed, not counted: {whether(name)} ({shown(name, claimed.value)}); "
        f"{policy.name} trusts {trusted}"
    )


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
