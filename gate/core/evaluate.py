"""Applies a policy to facts: every rule becomes a finding, points become score and band; never stops early."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from itertools import repeat
from operator import attrgetter
from typing import NamedTuple

from gate.core.decision import Band, Finding, FindingKind
from gate.core.facts import Fact, Facts, Origin, Value, Values
from gate.core.policy import Check, Clause, Plan, Policy, Requirement, Rule, StandardChange

_BANDS = tuple(Band)
_UNKNOWN = Fact(None, Origin.CLAIMED)  # type: ignore[arg-type]  # stands for what nobody told us, only in here
_value: Callable[[Fact], Value] = attrgetter("value")
_points: Callable[[Finding], int] = attrgetter("points")
_CLAIMED = Origin.CLAIMED


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
    plan = policy.plan or _remembered(policy)
    values = _seen(plan, facts)
    findings = tuple([picks[answer(values)] for answer, picks in plan.judges])
    raw = sum(map(_points, findings))
    score = max(raw, 0)
    rules = len(policy.rules)
    standard = rules + len(policy.requirements)
    return Evaluation(
        score,
        raw,
        _BANDS[bisect_right(plan.limits, score)],
        findings,
        tuple([one for one, finding in zip(policy.requirements, findings[rules:standard], strict=True) if not finding.holds]),
        tuple([one for one, finding in zip(policy.standard_changes, findings[standard:], strict=True) if finding.holds]),
    )


def counts(policy: Policy, name: str, fact: Fact) -> bool:
    """Whether the policy sees the fact: a claim counts only for the groups it trusts, other origins always do."""
    return fact.origin is not Origin.CLAIMED or name.partition(".")[0] in policy.trust_claims


def values_of(policy: Policy, facts: Facts) -> Values:
    """The values of all facts that the policy sees."""
    return {name: fact.value for name, fact in facts.items() if counts(policy, name, fact)}


def _seen(plan: Plan, facts: Facts) -> Values:
    """The facts that the plan looks at; an unknown one is absent or None."""
    get = facts.get
    values = dict(zip(plan.trusted, map(_value, map(get, plan.trusted, repeat(_UNKNOWN))), strict=True))
    for name in plan.doubted:
        fact = get(name)
        if fact is not None and fact.origin is not _CLAIMED:
            values[name] = fact.value
    return values


def _remembered(policy: Policy) -> Plan:
    """The policy's plan, kept in it: it follows from the rest of the policy alone."""
    plan = _plan(policy)
    object.__setattr__(policy, "plan", plan)
    return plan


def _plan(policy: Policy) -> Plan:
    judges = (
        *(_rule_judge(rule) for rule in policy.rules),
        *(_requirement_judge(requirement) for requirement in policy.requirements),
        *(_clause_judge(FindingKind.STANDARD_CHANGE, one.id, one.title, one.when) for one in policy.standard_changes),
    )
    names = dict.fromkeys(name for _, picks in judges for finding in picks.values() for name in finding.facts)
    trusted = tuple(name for name in names if name.partition(".")[0] in policy.trust_claims)
    return Plan(
        judges=judges,
        trusted=trusted,
        doubted=tuple(name for name in names if name not in trusted),
        limits=tuple(policy.bands[band] for band in (Band.MODERATE, Band.HIGH, Band.CRITICAL)),
    )


Judge = tuple[Callable[[Values], object], Mapping[object, Finding]]


def _rule_judge(rule: Rule) -> Judge:
    if rule.when is not None:
        points = {True: rule.points, False: 0, None: rule.points_if_unknown}
        return rule.when.check, {
            holds: Finding(FindingKind.RULE, rule.id, rule.title, holds, count, rule.when.facts) for holds, count in points.items()
        }
    return _reached(rule.points_by or "", tuple(limit for limit, _ in rule.steps)), _step_findings(rule)


def _reached(name: str, limits: tuple[int, ...]) -> Callable[[Values], object]:
    """How many limits the value has reached; None where it is unknown."""

    def reached(values: Values) -> int | None:
        return None if (seen := values.get(name)) is None else bisect_right(limits, seen)

    return reached


def _step_findings(rule: Rule) -> Mapping[object, Finding]:
    facts = (rule.points_by or "",)
    below = Finding(FindingKind.RULE, rule.id, rule.title, holds=False, facts=facts)
    unknown = Finding(FindingKind.RULE, rule.id, rule.title, None, rule.points_if_unknown, facts)
    steps: Iterable[tuple[int, Finding]] = (
        (number, Finding(FindingKind.RULE, rule.id, rule.title, holds=True, points=points, facts=facts, step=limit))
        for number, (limit, points) in enumerate(rule.steps, start=1)
    )
    return {None: unknown, 0: below, **dict(steps)}


def _requirement_judge(requirement: Requirement) -> Judge:
    """`unless` excuses: the requirement holds where either does."""
    require, unless = requirement.require, requirement.unless
    if unless is None:
        return _clause_judge(FindingKind.REQUIREMENT, requirement.id, requirement.title, require)
    both = Clause(
        text=f"{require.text} unless {unless.text}",
        facts=tuple(dict.fromkeys((*require.facts, *unless.facts))),
        check=_either(require.check, unless.check),
    )
    return _clause_judge(FindingKind.REQUIREMENT, requirement.id, requirement.title, both)


def _either(require: Check, unless: Check) -> Check:
    def either(values: Values) -> bool | None:
        holds = require(values)
        if holds:
            return True
        excused = unless(values)
        return True if excused else holds if excused is False else None

    return either


def _clause_judge(kind: FindingKind, name: str, title: str, clause: Clause) -> Judge:
    return clause.check, {holds: Finding(kind, name, title, holds, 0, clause.facts) for holds in (True, False, None)}
