"""Reads the entries of a policy file: rules, requirements and standard changes.

A fault is added to `faults` and reading goes on with a harmless value, so that all faults are found
at once. The value is never used, because a file with a fault is refused as a whole.
"""

import re
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise

from gate.core.decision.standard import MATCHES_MAX
from gate.core.decision.values import Band, Outcome
from gate.core.facts import FACTS, FactDef, definition
from gate.core.policy.clauses import Costs, read_clause
from gate.core.policy.constants import NUMBERS, fact_number
from gate.core.policy.grammar import BadCondition
from gate.core.policy.grounds import read_grounds
from gate.core.policy.policy import (
    POINTS_MAX,
    STEPS_MAX,
    Clause,
    Earn,
    Requirement,
    Rule,
    StandardChange,
    Suspend,
)
from gate.core.yaml.fields import Faults, Fields, did_you_mean
from gate.core.yaml.reader import Mapping, Node, Scalar, clip, shown

NAME_LENGTH_MAX = 64
NAME_PATTERN = "^[a-z0-9][a-z0-9-]*$"
BAND_WORDS = tuple(band.word for band in Band)

_NAME = re.compile(NAME_PATTERN)


def read_name(fields: Fields, key: str) -> str:
    """Return a name to which others refer: short and in lower case."""
    name = fields.text(key, length_max=NAME_LENGTH_MAX)
    if name and not _NAME.fullmatch(name):
        fields.faults.add(
            fields.place_of(key),
            f"{key}: found {clip(name)}, allowed are lower-case letters, digits and -, not - first",
        )
    return name


@dataclass(slots=True)
class Entries:
    """Reads one entry after the other; `ids` and `costs` are those of the whole file."""

    faults: Faults
    costs: Costs = field(default_factory=Costs)
    ids: set[str] = field(default_factory=set)

    def rule(self, fields: Fields) -> Rule:
        """Read a rule: points for a clause, or points by the steps of a number."""
        name, title = self._id(fields), fields.text("title")
        grounds = read_grounds(fields)
        by_steps = fields.has("points_by") or fields.has("steps")
        by_points = fields.has("when") or fields.has("points")
        if by_steps == by_points:
            found = "both" if by_steps else "neither"
            self.faults.add(
                fields.place,
                f"rule {name}: found {found}, allowed is either when with points, or "
                "points_by with steps",
            )
            return Rule(name, title)
        if by_steps:
            rule = self._steps_rule(fields, name, title)
        else:
            points = fields.integer("points", -POINTS_MAX, POINTS_MAX)
            rule = Rule(
                name, title, when=self._clause(fields, "when", helps=points < 0), points=points
            )
        fields.done()
        return replace(rule, grounds=grounds)

    def _steps_rule(self, fields: Fields, name: str, title: str) -> Rule:
        fact = self._number_fact(fields)
        pairs = list(fields.pairs("steps"))
        is_mapping = isinstance(fields.node("steps", required=False), Mapping)
        if fact is not None and is_mapping and not 1 <= len(pairs) <= STEPS_MAX:
            self.faults.add(
                fields.place_of("steps"),
                f"steps: found {len(pairs)} steps, allowed are 1 to {STEPS_MAX}",
            )
            return Rule(name, title)
        if fact is None:
            return Rule(name, title)
        steps = tuple((self._limit(key, fact), self._points(fields, value)) for key, value in pairs)
        if any(lower >= upper for (lower, _), (upper, _) in pairwise(steps)):
            self.faults.add(
                fields.place_of("steps"),
                "steps: found limits out of order, allowed are limits that rise from left to right",
            )
        return Rule(name, title, points_by=fact.name, steps=steps)

    def _number_fact(self, fields: Fields) -> FactDef | None:
        """Return the fact of `points_by`, which must be a number, or None after a fault."""
        name = fields.text("points_by")
        fact = definition(name)
        if not name or (fact is not None and fact.type in NUMBERS):
            return fact
        reason = (
            f"{clip(name)} is no fact"
            if fact is None
            else f"{name} is {fact.type}, allowed is a fact that is a number"
        )
        numbers = [one.name for one in FACTS.values() if one.type in NUMBERS]
        self.faults.add(
            fields.place_of("points_by"), f"points_by: {reason}{did_you_mean(name, numbers)}"
        )
        return None

    def _limit(self, key: Scalar, fact: FactDef) -> int:
        if isinstance(key.value, str):
            self.faults.add(key.place, f"steps: found {shown(key)}, allowed is a number")
            return 0
        text = format(key.value, "f") if isinstance(key.value, Decimal) else str(key.value)
        try:
            limit = fact_number(fact, text)
        except BadCondition as error:
            self.faults.add(key.place, f"steps: {error}")
            return 0
        if limit < 0:
            self.faults.add(key.place, f"steps: found {key.text}, {fact.name} is never below 0")
        return limit

    @staticmethod
    def _points(fields: Fields, node: Node) -> int:
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= POINTS_MAX:
            return value
        fields.wrong(node, "steps", f"points from {-POINTS_MAX} to {POINTS_MAX}")
        return 0

    def requirement(self, fields: Fields) -> Requirement:
        """Read a requirement: what must hold, and what excuses from it."""
        requirement = Requirement(
            id=self._id(fields),
            title=fields.text("title"),
            require=self._clause(fields, "require", helps=True),
            otherwise=Outcome.REJECTED
            if fields.choice("otherwise", ("review", "reject"), "review") == "reject"
            else Outcome.PENDING,
            unless=self._clause(fields, "unless", helps=True) if fields.has("unless") else None,
            grounds=read_grounds(fields),
        )
        fields.done()
        return requirement

    def standard_change(self, fields: Fields) -> StandardChange:
        """Read a standard change: what is pre-authorised, by whom, how it is earned and lost."""
        standard = StandardChange(
            id=self._id(fields),
            title=fields.text("title"),
            owner=fields.text("owner"),
            authorised_by=fields.texts("authorised_by"),
            when=self._clause(fields, "when", helps=True),
            up_to=Band.of(fields.choice("up_to", BAND_WORDS)),
            earn=self._earn(fields),
            suspend=self._suspend(fields),
            grounds=read_grounds(fields),
            during_freeze=fields.boolean("during_freeze", default=False),
        )
        fields.done()
        return standard

    def _earn(self, fields: Fields) -> Earn | None:
        inner = self._inner(fields, "earn", required=True)
        if inner is None:
            return None
        earn = Earn(inner.integer("successes", 1, MATCHES_MAX), inner.duration("settle"))
        inner.done()
        return earn

    def _suspend(self, fields: Fields) -> Suspend | None:
        inner = self._inner(fields, "suspend", required=False)
        if inner is None:
            return None
        suspend = Suspend(
            inner.integer("failures", 1, MATCHES_MAX), inner.integer("within", 1, MATCHES_MAX)
        )
        inner.done()
        if suspend.failures > suspend.within:
            self.faults.add(
                inner.place,
                f"suspend: found {suspend.failures} failures within {suspend.within}, which "
                "cannot happen",
            )
        return suspend

    def _inner(self, fields: Fields, key: str, *, required: bool) -> Fields | None:
        """Return the mapping under the key, or None if it is absent or the word `none`."""
        node = fields.node(key, required=required)
        if node is None or (isinstance(node, Scalar) and node.value == "none"):
            return None
        return Fields(node, self.faults, f"{key} (a mapping, or none)")

    def _id(self, fields: Fields) -> str:
        name = read_name(fields, "id")
        if name in self.ids and name:
            self.faults.add(
                fields.place_of("id"),
                f"id: found {name} twice in this policy; findings are told apart by it",
            )
        self.ids.add(name)
        return name

    def _clause(self, fields: Fields, key: str, *, helps: bool) -> Clause:
        """Return the clause under a key that must be there; after a fault one that never holds."""
        fields.node(key)
        found = read_clause(fields, key, self.costs, helps=helps)
        return found.clause if found else Clause("", (), lambda _: None)
