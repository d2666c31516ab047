"""Compares two sets of policies over changes whose end is known.

Every change is decided again twice, by the policies in force and by the candidate, from the case
that its record keeps. So everything else is equal: freezes, who was named, what was in flight.
Standard changes are earned and suspended as they were then. One that only the candidate has counts
as earned, because nobody could earn it yet.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gate.core.decision.decide import Case, decide
from gate.core.decision.standard import StandardStatus, standard_key
from gate.core.decision.values import Decision, FindingKind, Outcome
from gate.core.learning.figures import Curve, curve_of
from gate.core.policy.set import Policies

SHARES = (0.05, 0.1, 0.2, 0.3, 0.5)
"""At these shares of all changes it is said how many failures would have been escalated."""

EARNED = StandardStatus(earned=True, because="only the candidate has it")


class Past(NamedTuple):
    """A change that was deployed and has ended: its case, and whether it failed."""

    case: Case
    failed: bool


@dataclass(frozen=True, slots=True)
class Count:
    """How many changes, and how many of them failed."""

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
    before, after = _Side(in_force), _Side(candidate)
    every, approved, escalated = _Tally(), _Tally(), _Tally()
    for past in history:
        passed_before = before.passes(past)
        passes_now = after.passes(past)
        every.add(past)
        if passes_now and not passed_before:
            approved.add(past)
        if passed_before and not passes_now:
            escalated.add(past)
    return BackTest(
        every.count(),
        approved.count(),
        escalated.count(),
        after.curve(),
        before.curve(),
        after.rules(every.count()),
    )


class _Tally:
    """Counts changes, and those that failed."""

    def __init__(self) -> None:
        self._changes = self._failed = 0

    def add(self, past: Past) -> None:
        self._changes += 1
        self._failed += past.failed

    def count(self) -> Count:
        return Count(self._changes, self._failed)


class _Side:
    """One of the two sets, and its decisions so far."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies
        self._earned: Mapping[str, StandardStatus] = {
            standard_key(policy, standard): EARNED
            for policy in policies.all
            for standard in policy.standard_changes
        }
        self._changes: Counter[float] = Counter()
        self._failures: Counter[float] = Counter()
        self._fired: dict[tuple[str, str], _Tally] = {
            (policy.name, rule.id): _Tally() for policy in policies.all for rule in policy.rules
        }

    def passes(self, past: Past) -> bool:
        """Whether the change would have been approved without anybody being asked."""
        decision = decide(self._policies, self._as_enforced(past.case))
        score = _raw_score(decision)
        self._changes[score] += 1
        self._failures[score] += past.failed
        for finding in decision.findings:
            if finding.kind is FindingKind.RULE and finding.points and decision.policy:
                self._fired[decision.policy, finding.rule].add(past)
        return decision.outcome is Outcome.APPROVED

    def _as_enforced(self, case: Case) -> Case:
        return case._replace(
            observing=False, standard_statuses={**self._earned, **case.standard_statuses}
        )

    def curve(self) -> Curve:
        return curve_of(self._changes, self._failures)

    def rules(self, every: Count) -> tuple[Fired, ...]:
        return tuple(
            Fired(policy, rule, tally.count(), _lift(tally.count(), every))
            for (policy, rule), tally in self._fired.items()
        )


def _raw_score(decision: Decision) -> float:
    """Return the plain sum of points, which orders changes that all have score 0.

    Where no policy applies people decide, so such a change is above every score.
    """
    if decision.policy is None:
        return math.inf
    return sum(one.points for one in decision.findings if one.kind is FindingKind.RULE)


def _lift(fired: Count, every: Count) -> float | None:
    if not fired.changes or not every.failed:
        return None
    return (fired.failed / fired.changes) / (every.failed / every.changes)
