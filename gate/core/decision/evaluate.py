"""Applies a policy to facts: every rule becomes a finding, points become score and band; never
stops early.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import NamedTuple

from gate.core.decision.values import Band, Finding, FindingKind
from gate.core.facts import Facts, Origin, Value, Values
from gate.core.policy.policy import (
    Check,
    Clause,
    Judge,
    Plan,
    Policy,
    Requirement,
    Rule,
    StandardChange,
)

_BANDS = tuple(Band)
_POINTS = attrgetter("points")


class Evaluation(NamedTuple):
    """Everything a policy has to say about a change. A plain tuple: one is made for every decision.

    `score` is what is shown, `raw` the plain sum; `unmet` and `matched` keep the order of the file.
    """

    score: int
    raw: int
    band: Band
    findings: tuple[Finding, ...]
    unmet: tuple[Requirement, ...]
    matched: tuple[StandardChange, ...]


def evaluate(policy: Policy, facts: Facts) -> Evaluation:
    """Judge every rule, requirement and standard change by the facts that the policy trusts."""
    plan = policy.plan or plan_of(policy)
    values = seen_by(plan, facts)
    findings = [judge(values) for judge in plan.rules]
    raw = sum(map(_POINTS, findings))
    unmet: list[Requirement] = []
    for requirement, judge in plan.requirements:
        findings.append(finding := judge(values))
        if not finding.holds:
            unmet.append(requirement)
    matched: list[StandardChange] = []
    for standard, judge in plan.standard_changes:
        findings.append(finding := judge(values))
        if finding.holds:
            matched.append(standard)
    score = max(raw, 0)
    band = _BANDS[bisect_right(plan.limits, score)]
    return Evaluation(score, raw, band, tuple(findings), tuple(unmet), tuple(matched))


def score_of(policy: Policy, values: Values) -> int:
    """Return the plain sum of the points, for facts that all count. It may be below 0."""
    return sum(judge(values).points for judge in plan_of(policy).rules)


def plan_of(policy: Policy) -> Plan:
    """The policy made ready.

    It follows from the rest of the policy alone, so it is made once and kept there.
    """
    if policy.plan is None:
        object.__setattr__(policy, "plan", _plan(policy))
    return policy.plan or _plan(policy)


def seen_as(policy: Policy, facts: Facts, name: str) -> Value | None:
    """The fact as the policy sees it: a claim counts only for the groups it trusts, other origins
    always do.
    """
    fact = facts.get(name)
    if fact is None or (
        fact.origin is Origin.CLAIMED and name.partition(".")[0] not in policy.trust_claims
    ):
        return None
    return fact.value


def seen_by(plan: Plan, facts: Facts) -> Values:
    """The facts that the plan looks at and trusts."""
    get, claimed = facts.get, Origin.CLAIMED
    values: dict[str, Value] = {
        name: fact.value for name in plan.trusted if (fact := get(name)) is not None
    }
    for name in plan.doubted:
        fact = get(name)
        if fact is not None and fact.origin is not claimed:
            values[name] = fact.value
    return values


def _plan(policy: Policy) -> Plan:
    names = tuple(dict.fromkeys(name for facts in _looked_at(policy) for name in facts))
    trusted = tuple(name for name in names if name.partition(".")[0] in policy.trust_claims)
    return Plan(
        rules=tuple(_rule_judge(rule) for rule in policy.rules),
        requirements=tuple(
            (one, _clause_judge(FindingKind.REQUIREMENT, one, _required(one)))
            for one in policy.requirements
        ),
        standard_changes=tuple(
            (one, _clause_judge(FindingKind.STANDARD_CHANGE, one, one.when))
            for one in policy.standard_changes
        ),
        subjects={
            **{(FindingKind.RULE, one.id): one for one in policy.rules},
            **{(FindingKind.REQUIREMENT, one.id): one for one in policy.requirements},
            **{(FindingKind.STANDARD_CHANGE, one.id): one for one in policy.standard_changes},
        },
        trusted=trusted,
        doubted=tuple(name for name in names if name not in trusted),
        limits=tuple(policy.bands[band] for band in (Band.MODERATE, Band.HIGH, Band.CRITICAL)),
    )


def _looked_at(policy: Policy) -> Iterator[tuple[str, ...]]:
    for rule in policy.rules:
        yield rule.when.facts if rule.when else (rule.points_by or "",)
    for requirement in policy.requirements:
        yield _required(requirement).facts
    for standard in policy.standard_changes:
        yield standard.when.facts


def _rule_judge(rule: Rule) -> Judge:
    if rule.when is None:
        return _step_judge(rule)
    finding = _giver(FindingKind.RULE, rule, rule.when.facts)
    return rule.when.choose(
        finding(holds=True, points=rule.points),
        finding(holds=False),
        finding(holds=None, points=rule.points_if_unknown),
    )


def _step_judge(rule: Rule) -> Judge:
    """The largest step that is not above the value; nothing below the first.

    A step that gives no points says where a rule begins or ends, so there the rule does not hold.
    """
    name = rule.points_by or ""
    finding = _giver(FindingKind.RULE, rule, (name,))
    limits = tuple(limit for limit, _ in rule.steps)
    findings = (
        finding(holds=False),
        *(finding(holds=points != 0, points=points, step=limit) for limit, points in rule.steps),
    )
    unknown = finding(holds=None, points=rule.points_if_unknown)

    def judge(values: Values) -> Finding:
        seen = values.get(name)
        if seen is None:
            return unknown
        return findings[bisect_right(limits, seen)]

    return judge


def _required(requirement: Requirement) -> Clause:
    """`unless` excuses: the requirement holds where either does."""
    require, unless = requirement.require, requirement.unless
    if unless is None:
        return require
    return Clause(
        text=f"{require.text} unless {unless.text}",
        facts=tuple(dict.fromkeys((*require.facts, *unless.facts))),
        check=_either(require.check, unless.check),
    )


def _either(require: Check, unless: Check) -> Check:
    def either(values: Values) -> bool | None:
        holds = require(values)
        if holds:
            return True
        excused = unless(values)
        return True if excused else holds if excused is False else None

    return either


def _clause_judge(
    kind: FindingKind, subject: Requirement | StandardChange, clause: Clause
) -> Judge:
    finding = _giver(kind, subject, clause.facts)
    return clause.choose(finding(holds=True), finding(holds=False), finding(holds=None))


def _giver(
    kind: FindingKind, subject: Rule | Requirement | StandardChange, facts: tuple[str, ...]
) -> Callable[..., Finding]:
    """Makes the findings of one rule."""
    return lambda **said: Finding(kind, subject.id, subject.title, facts=facts, **said)
