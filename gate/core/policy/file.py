"""Reads one policy file into a `Policy`, or raises one error with everything that is wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from gate.core.counting import counted
from gate.core.decision.values import Band
from gate.core.facts import FACTS, GROUPS, claimable
from gate.core.policy.clauses import Read, read_clause
from gate.core.policy.entries import BAND_WORDS, Entries, read_name
from gate.core.policy.policy import (
    POINTS_MAX,
    RULES_MAX,
    Emergency,
    Mode,
    Policy,
    Reminder,
    ReviewEntry,
)
from gate.core.yaml.fields import Faults, Fields
from gate.core.yaml.reader import Node, Sequence, read

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
EMERGENCY = Emergency(
    by=("release-managers",), approvals=2, valid_for_seconds=HOUR, review_within_seconds=72 * HOUR
)

APPLIES_TO_GROUPS = frozenset({"environment", "service"})
TRUSTABLE = tuple(
    group
    for group in GROUPS
    if group == "labels" or any(claimable(name) for name in FACTS if name.startswith(f"{group}."))
)

T = TypeVar("T")


def read_policy(text: str | bytes, name: str) -> Policy:
    """Return the policy of a file. Raises `Invalid` with every fault, and nothing else."""
    return policy_of(read(text, name, number_keys=NUMBER_KEYS))


def policy_of(node: Node) -> Policy:
    """Return the policy that the document of a file describes. Raises `Invalid`."""
    faults = Faults()
    policy = _Reader(Fields(node, faults, "the policy"), faults, Entries(faults)).policy()
    faults.stop()
    return policy


@dataclass(slots=True)
class _Reader:
    """Reads one file from top to bottom, and collects its faults."""

    fields: Fields
    faults: Faults
    entries: Entries

    def policy(self) -> Policy:
        fields = self.fields
        name = read_name(fields, "policy")
        mode = Mode(fields.choice("mode", tuple(Mode), Mode.ENFORCE))
        applies = self._applies_to()
        policy = Policy(
            name=name,
            mode=mode,
            applies_to=applies.clause if applies else None,
            applies_to_equal=applies.equal if applies else {},
            trust_claims=frozenset(fields.texts("trust_claims", (), choices=TRUSTABLE)),
            bands=self._bands(),
            rules=self._each("rules", self.entries.rule, required=True),
            requirements=self._each("requirements", self.entries.requirement),
            standard_changes=self._each("standard_changes", self.entries.standard_change),
            review=self._review(),
            expires_after_seconds=fields.duration("expires_after", EXPIRES_AFTER_SECONDS),
            valid_for_seconds=fields.duration("valid_for", VALID_FOR_SECONDS),
            close_within_seconds=fields.duration("close_within", CLOSE_WITHIN_SECONDS),
            parallel=fields.choice("parallel", ("refuse", "allow"), "refuse") == "allow",
            two_unverified_authors=fields.choice("unverified_authors", ("two", "claims"), "two")
            == "two",
            remind=self._remind(),
            emergency=self._emergency(),
        )
        fields.done()
        return policy

    def _each(
        self, key: str, one: Callable[[Fields], T], *, required: bool = False
    ) -> tuple[T, ...]:
        nodes = self.fields.items(key, required=required, length_max=RULES_MAX)
        node = self.fields.node(key, required=False)
        if required and isinstance(node, Sequence) and not node.items:
            self.faults.add(
                self.fields.place_of(key),
                f"{key}: found none, a policy without rules decides nothing; write at least one",
            )
        return tuple(one(Fields(node, self.faults, f"an entry of {key}")) for node in nodes or ())

    def _applies_to(self) -> Read | None:
        applies = read_clause(self.fields, "applies_to", self.entries.costs, helps=None)
        place = self.fields.place_of("applies_to")
        for fact in applies.clause.facts if applies else ():
            if fact.partition(".")[0] not in APPLIES_TO_GROUPS:
                self.faults.add(
                    place,
                    f"applies_to: found {fact}, allowed are facts of environment and service only",
                )
        if applies and applies.contradiction:
            self.faults.add(
                place, f"applies_to: {applies.contradiction}, so the policy would never apply"
            )
        return applies

    def _bands(self) -> Mapping[Band, int]:
        fields = self.fields.fields("bands", required=False)
        if fields is None:
            return BANDS
        bands = {band: fields.integer(band.word, 1, SCORE_MAX) for band in BANDS}
        fields.done()
        if not bands[Band.MODERATE] < bands[Band.HIGH] < bands[Band.CRITICAL]:
            found = ", ".join(f"{band.word} {lowest}" for band, lowest in bands.items())
            self.faults.add(
                fields.place,
                f"bands: found {found}, allowed are scores that rise from moderate to critical",
            )
        return bands

    def _review(self) -> tuple[ReviewEntry, ...]:
        nodes = self.fields.items("review", required=False, length_max=REVIEW_ENTRIES_MAX)
        if nodes is None:
            return REVIEW
        before = len(self.faults.found)
        entries = tuple(
            self._review_entry(Fields(node, self.faults, "an entry of review")) for node in nodes
        )
        if len(self.faults.found) == before:
            self._totals(entries)
        return entries

    @staticmethod
    def _review_entry(fields: Fields) -> ReviewEntry:
        entry = ReviewEntry(
            Band.of(fields.choice("from_band", BAND_WORDS)),
            fields.integer("approvals", 1, APPROVALS_MAX),
            fields.texts("by"),
        )
        fields.done()
        return entry

    def _totals(self, entries: tuple[ReviewEntry, ...]) -> None:
        """Refuse a higher band that needs fewer approvals, because leaving out a fact could pay."""
        place = self.fields.place_of("review")
        totals = {
            band: sum(entry.approvals for entry in entries if entry.from_band is band)
            for band in Band
        }
        named = {band: total for band, total in totals.items() if total}
        if Band.LOW not in named:
            self.faults.add(
                place,
                "review: found no entry from low, allowed is one for every band; begin "
                "with from_band: low",
            )
        for (lower, fewer), (upper, more) in pairwise(named.items()):
            if more < fewer:
                self.faults.add(
                    place,
                    f"review: found {counted(more, 'approval')} from {upper.word} after "
                    f"{fewer} from {lower.word}, the sum may not fall",
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
