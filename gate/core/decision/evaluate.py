"""Applies a policy to facts: every rule becomes a finding, and the points become score and band.

All rules are applied even if the answer is clear before, because a reviewer needs all reasons.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import NamedTuple

from gate.core.decision.values import Band, Finding, FindingKind
from gate.core.facts import FILES, FILES_GROUP, OF_FILES, Facts, Origin, Value, Values
from gate.core.kinds import ChangedFiles, kinds_of
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
    """The result of evaluating a policy on a change.

    `score` is the number that is shown, and `raw` is the plain sum, which may be below 0. `unmet`
    and `matched` are in the order of the file. This is a plain tuple because every decision makes
    one.
    """

    score: int
    raw: int
    band: Band
    findings: tuple[Finding, ...]
    unmet: tuple[Requirement, ...]
    matched: tuple[StandardChange, ...]


def evaluate(policy: Policy, facts: Facts) -> Evaluation:
    """Return what every rule, requirement and standard change says about the trusted facts."""
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
    """Return the policy compiled to judges.

    The plan follows from the policy alone, so it is made once and kept in the policy.
    """
    if policy.plan is None:
        object.__setattr__(policy, "plan", _plan(policy))
    return policy.plan or _plan(policy)


def seen_as(policy: Policy, facts: Facts, name: str) -> Value | None:
    """Return the fact as the policy sees it, or None.

    A claim counts only for the groups that the policy trusts; other origins always count. What
    follows from the list of files counts where that list does.
    """
    fact = facts.get(name)
    if fact is None or (
        fact.origin is Origin.CLAIMED and name.partition(".")[0] not in policy.trust_claims
    ):
        return None
    if name in OF_FILES and FILES_GROUP not in policy.trust_claims:
        files = facts.get(FILES)
        return None if files is None or files.origin is Origin.CLAIMED else fact.value
    return fact.value


def counted_files(policy: Policy | None, facts: Facts) -> ChangedFiles:
    """Return the changed files by which a decision is counted among those of its place.

    Where no policy applied nobody trusts a claim, so only files that the code host names are of a
    kind.
    """
    known = facts.get(FILES)
    paths = known.value if known is not None and isinstance(known.value, tuple) else ()
    if known is None or not paths:
        return ChangedFiles()
    trusted = policy.trust_claims if policy is not None else ()
    counts = known.origin is not Origin.CLAIMED or FILES_GROUP in trusted
    return ChangedFiles(paths, kinds_of(paths) if counts else "")


def seen_by(plan: Plan, facts: Facts) -> Values:
    """Return the facts that the plan looks at, without claims that the policy does not trust."""
    get, claimed = facts.get, Origin.CLAIMED
    values: dict[str, Value] = {
        name: fact.value for name in plan.trusted if (fact := get(name)) is not None
    }
    for name in plan.doubted:
        fact = get(name)
        if fact is not None and fact.origin is not claimed:
            values[name] = fact.value
    if plan.of_doubted_files:
        files = get(FILES)
        if files is None or files.origin is claimed:
            for name in plan.of_doubted_files:
                values.pop(name, None)
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
        of_doubted_files=tuple(
            name for name in names if name in OF_FILES and FILES_GROUP not in policy.trust_claims
        ),
        limits=tuple(policy.bands[band] for band in (Band.MODERATE, Band.HIGH, Band.CRITICAL)),
    )


def looks_at(policy: Policy, fact: str) -> bool:
    """Return whether a rule, a requirement or a standard change of the policy uses this fact."""
    return any(fact in facts for facts in _looked_at(policy))


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
    """Return a judge that takes the largest step that is not above the value.

    Below the first step the rule does not hold. It does not hold at a step without points either,
    because such a step only says where the points begin or end.
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
    """Return the clause of a requirement: it holds if `require` or `unless` does."""
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
    """Return a function that makes the findings of one rule, requirement or standard change."""
    return lambda **said: Finding(kind, subject.id, subject.title, facts=facts, **said)
