"""A policy's scored rules as tables of points, so that a history is judged once and then only
counted.

For every rule a fact falls into a slot: 0 where the rule gives nothing, then one for each step (one
alone where the rule has a condition), and a last one where it is unknown.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gate.core.facts import Values
from gate.core.policy.policy import Policy, Rule

NOTHING = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the past: its service, the slot of every rule, and whether it failed.

    `at` is when it was made and `known_at` when its failure became known, in seconds of one clock;
    None where nobody says.
    """

    service: str
    slots: bytes
    failed: bool
    at: float | None = None
    known_at: float | None = None


@dataclass(frozen=True, slots=True)
class Points:
    """The points of one rule: one number for each step, or one for its condition.

    `limits` are those of the steps; a condition has none.
    """

    rule: str
    title: str
    given: tuple[int, ...]
    limits: tuple[int, ...] = ()

    @property
    def worst(self) -> int:
        """The slot whose points an unknown fact counts: never less than nothing."""
        highest = max(self.given)
        return self.given.index(highest) + 1 if highest > 0 else NOTHING

    @property
    def by_slot(self) -> tuple[int, ...]:
        """The points of each slot, those of an unknown fact last."""
        known = (0, *self.given)
        return (*known, known[self.worst])

    @property
    def tied(self) -> tuple[int, ...]:
        """Every slot, but for an unknown fact the one that it counts as."""
        return (*range(len(self.given) + 1), self.worst)


def points_of(policy: Policy) -> tuple[Points, ...]:
    """Return the points of all rules, in the order of the file."""
    return tuple(
        Points(
            rule.id,
            rule.title,
            tuple(points for _, points in rule.steps) or (rule.points,),
            tuple(limit for limit, _ in rule.steps),
        )
        for rule in policy.rules
    )


def judge_of(policy: Policy) -> Callable[[Values], bytes]:
    """Return a function from facts to the slots of all rules. All facts count, whatever their
    origin.
    """
    slots = [_slot(rule) for rule in policy.rules]
    return lambda values: bytes([slot(values) for slot in slots])


def _slot(rule: Rule) -> Callable[[Values], int]:
    if rule.when is not None:
        return rule.when.choose(1, NOTHING, 2)
    name = rule.points_by or ""
    limits = [limit for limit, _ in rule.steps]
    unknown = len(limits) + 1

    def slot(values: Values) -> int:
        seen = values.get(name)
        return unknown if seen is None else bisect_right(limits, seen)

    return slot


def scores(points: Sequence[Points], changes: Sequence[Change]) -> list[int]:
    """Return the plain sum of points of every change."""
    tables = [one.by_slot for one in points]
    return [
        sum([table[slot] for table, slot in zip(tables, change.slots, strict=True)])
        for change in changes
    ]
