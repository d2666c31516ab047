"""Compares two sets of policies over changes whose end is known.

Every change is decided again twice, by the policies in force and by the candidate, from the case
that its record keeps. So everything else is equal: freezes, who was named, what was in flight.
Standard changes are earned and suspended as they were then. One that only the candidate has counts
as earned, because nobody could earn it yet.
"""

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from gate.core.decision.decide import Case, decide
from gate.core.decision.evaluate import plan_of
from gate.core.decision.standard import StandardStatus, standard_key
from gate.core.decision.values import Finding, FindingKind, Outcome
from gate.core.facts import Value, Values
from gate.core.learning.figures import Curve, curve_of
from gate.core.policy.policy import Plan, Policy
from gate.core.policy.set import Policies

SHARES = (0.05, 0.1, 0.2, 0.3, 0.5)
"""At these shares of all changes it is said how many failures would have been escalated."""

COUNTED_AT_ONCE = 5_000
_POINTS = attrgetter("points")

EARNED = StandardStatus(earned=True, because="only the candidate has it")


PLACES_KEPT_MAX = 1_000
"""The most different places of a table for which the policy that applies is cached."""


class PastRow(NamedTuple):
    """A row of a table: its facts, and whether the change failed."""

    values: Values
    failed: bool


class Past(NamedTuple):
    """A change that was deployed and has ended: its case, and whether it failed."""

    case: Case
    failed: bool


@dataclass(frozen=True, slots=True)
class Count:
    """A number of changes, and how many of them failed."""

    changes: int
    failed: int


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule of the candidate: the changes that it gave points to, and how many of them failed.

    `lift` is their failure rate divided by that of all changes, or None if nothing fired or failed.
    """

    policy: str
    rule: str
    count: Count
    lift: float | None


@dataclass(frozen=True, slots=True)
class BackTest:
    """Both sets over the same changes. In the curves the riskiest changes by score come first."""

    all: Count
    newly_approved: Count
    newly_escalated: Count
    candidate: Curve
    in_force: Curve
    rules: tuple[Fired, ...]


def back_test(in_force: Policies, candidate: Policies, history: Iterable[Past]) -> BackTest:
    """Decide the whole history by both sets, and return how they compare.

    Memory grows with the number of different scores and not with the history.
    """
    before, after = _deciding(in_force), _deciding(candidate)
    return _compared(
        candidate, ((before(past.case), after(past.case), past.failed) for past in history)
    )


def back_test_rows(in_force: Policies, candidate: Policies, rows: Iterable[PastRow]) -> BackTest:
    """Compare both sets over rows of a table, which hold facts and nothing else.

    A row passes by itself if its requirements hold and a standard change matches. Everything that a
    table cannot say is supposed to be fine: its standard changes are earned, nothing is frozen or
    in flight, the authors are known.
    """
    before, after = _judging(in_force), _judging(candidate)
    return _compared(
        candidate, ((before(values), after(values), failed) for values, failed in rows)
    )


class _Verdict(NamedTuple):
    """The judgement of one policy set on a change: whether it is approved automatically, the plain
    sum of points, and the findings of each rule.
    """

    passes: bool
    score: float
    policy: str | None
    rules: Sequence[Finding]


def _compared(candidate: Policies, verdicts: Iterable[tuple[_Verdict, _Verdict, bool]]) -> BackTest:
    """Count what both sets say: of each change the verdict in force, the candidate's, and whether
    the change failed.
    """
    before, after, fired = _Scores(), _Scores(), _FiredRules()
    every, approved, escalated = _Tally(), _Tally(), _Tally()
    for in_force, tried, failed in verdicts:
        before.add(in_force.score, failed)
        after.add(tried.score, failed)
        fired.add(tried, failed)
        every.add(failed)
        if tried.passes and not in_force.passes:
            approved.add(failed)
        elif in_force.passes and not tried.passes:
            escalated.add(failed)
    return BackTest(
        every.count(),
        approved.count(),
        escalated.count(),
        after.curve(),
        before.curve(),
        fired.of(candidate, every.count()),
    )


class _Tally:
    """Counts changes, and those that failed."""

    def __init__(self) -> None:
        self._changes = self._failed = 0

    def add(self, failed: bool) -> None:  # noqa: FBT001 - a count by this very answer
        self._changes += 1
        self._failed += failed

    def count(self) -> Count:
        return Count(self._changes, self._failed)


class _Scores:
    """The scores that one of the two sets gave so far."""

    def __init__(self) -> None:
        self._changes: defaultdict[float, int] = defaultdict(int)
        self._failures: defaultdict[float, int] = defaultdict(int)

    def add(self, score: float, failed: bool) -> None:  # noqa: FBT001 - as above
        self._changes[score] += 1
        self._failures[score] += failed

    def curve(self) -> Curve:
        return curve_of(self._changes, self._failures)


class _FiredRules:
    """Counts of how often each rule of the candidate gave points, and how many of those changes
    failed.

    Names are collected and counted many at a time, because counting them for each change took a
    third of the whole backtest.
    """

    def __init__(self) -> None:
        self._fired: Counter[tuple[str | None, str]] = Counter()
        self._failed: Counter[tuple[str | None, str]] = Counter()
        self._uncounted: dict[tuple[str | None, bool], list[str]] = {}

    def add(self, verdict: _Verdict, failed: bool) -> None:  # noqa: FBT001 - as above
        key = verdict.policy, failed
        names = self._uncounted.setdefault(key, [])
        names += [one.rule for one in verdict.rules if one.points]
        if len(names) > COUNTED_AT_ONCE:
            self._count(*key)

    def of(self, policies: Policies, every: Count) -> tuple[Fired, ...]:
        for key in list(self._uncounted):
            self._count(*key)
        keys = [(policy.name, rule.id) for policy in policies.all for rule in policy.rules]
        counts = [Count(self._fired[key], self._failed[key]) for key in keys]
        return tuple(
            Fired(policy, rule, count, _lift(count, every))
            for (policy, rule), count in zip(keys, counts, strict=True)
        )

    def _count(self, policy: str | None, failed: bool) -> None:  # noqa: FBT001 - as above
        names = self._uncounted.pop((policy, failed))
        for rule, count in Counter(names).items():
            self._fired[policy, rule] += count
            self._failed[policy, rule] += count * failed


def _deciding(policies: Policies) -> Callable[[Case], _Verdict]:
    """Return a judge of cases: the decision as it would be made, with everything it looks at."""
    earned: Mapping[str, StandardStatus] = {
        standard_key(policy, standard): EARNED
        for policy in policies.all
        for standard in policy.standard_changes
    }

    def judged(case: Case) -> _Verdict:
        statuses = {**earned, **case.standard_statuses}
        decision = decide(policies, case._replace(observing=False, standard_statuses=statuses))
        rules = [one for one in decision.findings if one.kind is FindingKind.RULE]
        # Changes that all have the shown score 0 are ordered by their plain sum.
        score = sum(one.points for one in rules) if decision.policy else math.inf
        return _Verdict(decision.outcome is Outcome.APPROVED, score, decision.policy, rules)

    return judged


def _judging(policies: Policies) -> Callable[[Values], _Verdict]:
    """Return a judge of rows, by the same closures by which decisions are made."""
    looked_at = policies.looked_at
    chosen: dict[tuple[Value | None, ...], Policy | None] = {}

    def judged(values: Values) -> _Verdict:
        key = tuple([values.get(name) for name in looked_at])
        if key not in chosen:
            if len(chosen) == PLACES_KEPT_MAX:
                chosen.clear()
            chosen[key] = policies.policy_for(values).policy
        policy = chosen[key]
        if policy is None:
            return _PEOPLE_DECIDE
        plan = plan_of(policy)
        findings = [judge(values) for judge in plan.rules]
        score = sum(map(_POINTS, findings))
        return _Verdict(_passes(plan, values, score), score, policy.name, findings)

    return judged


def _passes(plan: Plan, values: Values, score: int) -> bool:
    for _, judge in plan.requirements:
        if not judge(values).holds:
            return False
    band = bisect_right(plan.limits, score)
    for standard, judge in plan.standard_changes:
        if band <= standard.up_to and judge(values).holds:
            return True
    return False


# Where no policy applies people decide, so such a change is above every score.
_PEOPLE_DECIDE = _Verdict(passes=False, score=math.inf, policy=None, rules=())


def _lift(fired: Count, every: Count) -> float | None:
    if not fired.changes or not every.failed:
        return None
    return (fired.failed / fired.changes) / (every.failed / every.changes)
