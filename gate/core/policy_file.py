"""Reads one policy file into a `Policy`, or says everything that is wrong with it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import TypeVar

from gate.core.checks import fact_number
from gate.core.clauses import Costs, Read, read_clause
from gate.core.conditions import BadCondition
from gate.core.decision import Band, Outcome
from gate.core.facts import FACTS, GROUPS, FactDef, FactType, claimable, definition
from gate.core.fields import Faults, Fields, did_you_mean
from gate.core.policy import (
    POINTS_MAX,
    RULES_MAX,
    STEPS_MAX,
    Clause,
    Earn,
    Emergency,
    Mode,
    Policy,
    Reminder,
    Requirement,
    ReviewEntry,
    Rule,
    StandardChange,
    Suspend,
)
from gate.core.standard import MATCHES_MAX
from gate.core.strict_yaml import Node, Scalar, clip, read

NAME_LENGTH_MAX = 64
NAME_PATTERN = "^[a-z0-9][a-z0-9-]*$"
APPROVALS_MAX = 20
REVIEW_ENTRIES_MAX = 20
SCORE_MAX = RULES_MAX * POINTS_MAX
NUMBER_KEYS = frozenset({"steps"})

HOUR = 3_600
EXPIRES_AFTER_SECONDS = 24 * HOUR
VALID_FOR_SECONDS = 4 * HOUR
CLOSE_WITHIN_SECONDS = 6 * HOUR
BANDS = {Band.MODERATE: 30, Band.HIGH: 60, Band.CRITICAL: 90}
REVIEW = (ReviewEntry(Band.LOW, 2, ("release-managers",)),)
EMERGENCY = Emergency(by=("release-managers",), approvals=2, valid_for_seconds=HOUR, review_within_seconds=72 * HOUR)

BAND_WORDS = tuple(band.word for band in Band)
APPLIES_TO_GROUPS = frozenset({"environment", "service"})
TRUSTABLE = tuple(group for group in GROUPS if group == "labels" or any(claimable(name) for name in FACTS if name.startswith(f"{group}.")))

_NAME = re.compile(NAME_PATTERN)
T = TypeVar("T")


def read_policy(text: str | bytes, name: str) -> Policy:
    """The policy in that file. Raises `Invalid` with every fault found, and nothing else."""
    return policy_of(read(text, name, number_keys=NUMBER_KEYS))


def policy_of(node: Node) -> Policy:
    """The policy that a file's one document describes. Raises `Invalid`."""
    faults = Faults()
    policy = _Reader(Fields(node, faults, "the policy"), faults).policy()
    faults.stop()
    return policy


@dataclass(slots=True)
class _Reader:
    """Reads top to bottom; `ids` and `costs` run through the whole file."""

    fields: Fields
    faults: Faults
    costs: Costs = field(default_factory=Costs)
    ids: set[str] = field(default_factory=set)

    def policy(self) -> Policy:
        fields = self.fields
        name = self._name(fields, "policy")
        mode = Mode(fields.choice("mode", tuple(Mode), Mode.ENFORCE))
        applies = self._applies_to()
        policy = Policy(
            name=name,
            mode=mode,
            applies_to=applies.clause if applies else None,
            applies_to_equal=applies.equal if applies else {},
            trust_claims=frozenset(fields.texts("trust_claims", (), choices=TRUSTABLE)),
            bands=self._bands(),
            rules=self._each("rules", self._rule, required=True),
            requirements=self._each("requirements", self._requirement),
            standard_changes=self._each("standard_changes", self._standard_change),
            review=self._review(),
            expires_after_seconds=fields.duration("expires_after", EXPIRES_AFTER_SECONDS),
            valid_for_seconds=fields.duration("valid_for", VALID_FOR_SECONDS),
            close_within_seconds=fields.duration("close_within", CLOSE_WITHIN_SECONDS),
            parallel=fields.choice("parallel", ("refuse", "allow"), "refuse") == "allow",
            two_unverified_authors=fields.choice("unverified_authors", ("two", "claims"), "two") == "two",
            remind=self._remind(),
            emergency=self._emergency(),
        )
        fields.done()
        return policy

    def _each(self, key: str, one: Callable[[Fields], T], *, required: bool = False) -> tuple[T, ...]:
        nodes = self.fields.items(key, required=required, length_max=RULES_MAX)
        if required and nodes == ():
            self.faults.add(self.fields.place_of(key), f"{key}: found none, a policy without rules decides nothing; write at least one")
        return tuple(one(Fields(node, self.faults, f"an entry of {key}")) for node in nodes or ())

    def _name(self, fields: Fields, key: str) -> str:
        """A name that others refer to: short, lower case."""
        name = fields.text(key, length_max=NAME_LENGTH_MAX)
        if name and not _NAME.fullmatch(name):
            self.faults.add(fields.place_of(key), f"{key}: found {clip(name)}, allowed are lower-case letters, digits and -, not - first")
        return name

    def _id(self, fields: Fields) -> str:
        name = self._name(fields, "id")
        if name in self.ids and name:
            self.faults.add(fields.place_of("id"), f"id: found {name} twice in this policy; findings are told apart by it")
        self.ids.add(name)
        return name

    def _clause(self, fields: Fields, key: str, *, helps: bool) -> Clause:
        """A clause that must be there; after a fault one that never holds, which nobody will see."""
        fields.node(key)
        found = read_clause(fields, key, self.costs, helps=helps)
        return found.clause if found else Clause("", (), lambda _: None)

    def _applies_to(self) -> Read | None:
        applies = read_clause(self.fields, "applies_to", self.costs, helps=None)
        place = self.fields.place_of("applies_to")
        for fact in applies.clause.facts if applies else ():
            if fact.partition(".")[0] not in APPLIES_TO_GROUPS:
                self.faults.add(place, f"applies_to: found {fact}, allowed are facts of environment and service only")
        if applies and applies.contradiction:
            self.faults.add(place, f"applies_to: {applies.contradiction}, so the policy would never apply")
        return applies

    def _bands(self) -> Mapping[Band, int]:
        fields = self.fields.fields("bands", required=False)
        if fields is None:
            return BANDS
        bands = {band: fields.integer(band.word, 1, SCORE_MAX) for band in BANDS}
        fields.done()
        if not bands[Band.MODERATE] < bands[Band.HIGH] < bands[Band.CRITICAL]:
            found = ", ".join(f"{band.word} {lowest}" for band, lowest in bands.items())
            self.faults.add(fields.place, f"bands: found {found}, allowed are scores that rise from moderate to critical")
        return bands

    def _rule(self, fields: Fields) -> Rule:
        name, title = self._id(fields), fields.text("title")
        by_steps, by_points = fields.has("points_by") or fields.has("steps"), fields.has("when") or fields.has("points")
        if by_steps == by_points:
            found = "both" if by_steps else "neither"
            self.faults.add(fields.place, f"rule {name}: found {found}, allowed is either when with points, or points_by with steps")
            return Rule(name, title)
        if by_steps:
            rule = self._steps_rule(fields, name, title)
        else:
            points = fields.integer("points", -POINTS_MAX, POINTS_MAX)
            rule = Rule(name, title, when=self._clause(fields, "when", helps=points < 0), points=points)
        fields.done()
        return rule

    def _steps_rule(self, fields: Fields, name: str, title: str) -> Rule:
        fact_name = fields.text("points_by")
        fact = definition(fact_name)
        pairs = list(fields.pairs("steps"))
        if fact_name and (fact is None or fact.type not in {FactType.INTEGER, FactType.DECIMAL}):
            numbers = [one.name for one in FACTS.values() if one.type in {FactType.INTEGER, FactType.DECIMAL}]
            reason = f"{fact_name} is {fact.type}, allowed is a fact that is a number" if fact else f"{clip(fact_name)} is no fact"
            self.faults.add(fields.place_of("points_by"), f"points_by: {reason}{did_you_mean(fact_name, numbers)}")
            return Rule(name, title)
        if fields.has("steps") and not 1 <= len(pairs) <= STEPS_MAX:
            self.faults.add(fields.place_of("steps"), f"steps: found {len(pairs)} steps, allowed are 1 to {STEPS_MAX}")
            return Rule(name, title)
        if fact is None:
            return Rule(name, title)
        steps = tuple((self._limit(key, fact), self._points(value)) for key, value in pairs)
        if any(lower >= upper for (lower, _), (upper, _) in pairwise(steps)):
            self.faults.add(fields.place_of("steps"), "steps: found limits out of order, allowed are limits that rise from left to right")
        return Rule(name, title, points_by=fact_name, steps=steps)

    def _limit(self, key: Scalar, fact: FactDef) -> int:
        text = format(key.value, "f") if isinstance(key.value, Decimal) else str(key.value)
        try:
            limit = fact_number(fact, text)
        except BadCondition as error:
            self.faults.add(key.place, f"steps: {error}")
            return 0
        if limit < 0:
            self.faults.add(key.place, f"steps: found {key.text}, {fact.name} is never below 0")
        return limit

    def _points(self, node: Node) -> int:
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= POINTS_MAX:
            return value
        self.fields.wrong(node, "steps", f"points from {-POINTS_MAX} to {POINTS_MAX}")
        return 0

    def _requirement(self, fields: Fields) -> Requirement:
        requirement = Requirement(
            id=self._id(fields),
            title=fields.text("title"),
            require=self._clause(fields, "require", helps=True),
            otherwise=Outcome.REJECTED if fields.choice("otherwise", ("review", "reject"), "review") == "reject" else Outcome.PENDING,
            unless=self._clause(fields, "unless", helps=True) if fields.has("unless") else None,
        )
        fields.done()
        return requirement

    def _standard_change(self, fields: Fields) -> StandardChange:
        standard = StandardChange(
            id=self._id(fields),
            title=fields.text("title"),
            owner=fields.text("owner"),
            authorised_by=fields.texts("authorised_by"),
            when=self._clause(fields, "when", helps=True),
            up_to=Band.of(fields.choice("up_to", BAND_WORDS)),
            earn=self._earn(fields),
            suspend=self._suspend(fields),
            review_by=self._date(fields, "review_by"),
            during_freeze=fields.boolean("during_freeze", default=False),
        )
        fields.done()
        return standard

    @staticmethod
    def _is_none(fields: Fields, key: str, *, required: bool) -> bool:
        node = fields.node(key, required=required)
        return node is None or (isinstance(node, Scalar) and node.value == "none")

    def _earn(self, fields: Fields) -> Earn | None:
        if self._is_none(fields, "earn", required=True):
            return None
        inner = Fields(fields.node("earn") or _nowhere(fields), self.faults, "earn (a mapping, or none)")
        earn = Earn(inner.integer("successes", 1, MATCHES_MAX), inner.duration("settle"))
        inner.done()
        return earn

    def _suspend(self, fields: Fields) -> Suspend | None:
        if self._is_none(fields, "suspend", required=False):
            return None
        inner = Fields(fields.node("suspend") or _nowhere(fields), self.faults, "suspend (a mapping, or none)")
        suspend = Suspend(inner.integer("failures", 1, MATCHES_MAX), inner.integer("within", 1, MATCHES_MAX))
        inner.done()
        if suspend.failures > suspend.within:
            self.faults.add(inner.place, f"suspend: found {suspend.failures} failures within {suspend.within}, which cannot happen")
        return suspend

    def _date(self, fields: Fields, key: str) -> date | None:
        if not fields.has(key):
            return None
        text = fields.text(key)
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            self.faults.add(fields.place_of(key), f"{key}: found {clip(text)}, allowed is a day such as 2026-12-31")
            return None

    def _review(self) -> tuple[ReviewEntry, ...]:
        nodes = self.fields.items("review", required=False, length_max=REVIEW_ENTRIES_MAX)
        if nodes is None:
            return REVIEW
        before = len(self.faults.found)
        entries = tuple(self._review_entry(Fields(node, self.faults, "an entry of review")) for node in nodes)
        if len(self.faults.found) == before:
            self._totals(entries)
        return entries

    @staticmethod
    def _review_entry(fields: Fields) -> ReviewEntry:
        entry = ReviewEntry(
            Band.of(fields.choice("from_band", BAND_WORDS)), fields.integer("approvals", 1, APPROVALS_MAX), fields.texts("by")
        )
        fields.done()
        return entry

    def _totals(self, entries: tuple[ReviewEntry, ...]) -> None:
        """A higher band never needs fewer approvals, or withholding a fact could pay."""
        place = self.fields.place_of("review")
        totals = {band: sum(entry.approvals for entry in entries if entry.from_band is band) for band in Band}
        named = {band: total for band, total in totals.items() if total}
        if Band.LOW not in named:
            self.faults.add(place, "review: found no entry from low, allowed is one for every band; begin with from_band: low")
        for (lower, fewer), (upper, more) in pairwise(named.items()):
            if more < fewer:
                self.faults.add(
                    place, f"review: found {more} approvals from {upper.word} after {fewer} from {lower.word}, the sum may not fall"
                )

    def _remind(self) -> Reminder | None:
        fields = self.fields.fields("remind", required=False)
        if fields is None:
            return None
        reminder = Reminder(fields.duration("after"), fields.texts("escalate_to", ()))
        fields.done()
        return reminder

    def _emergency(self) -> Emergency:
        fields = self.fields.fields("emergency", required=False)
        if fields is None:
            return EMERGENCY
        emergency = Emergency(
            by=fields.texts("by"),
            approvals=fields.integer("approvals", 1, APPROVALS_MAX),
            valid_for_seconds=fields.duration("valid_for", EMERGENCY.valid_for_seconds),
            review_within_seconds=fields.duration("review_within", EMERGENCY.review_within_seconds),
        )
        fields.done()
        return emergency


def _nowhere(fields: Fields) -> Node:
    return Scalar(fields.place, None, "", quoted=False)
