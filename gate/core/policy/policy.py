"""A policy as values: what `policy_file` reads and `evaluate` applies."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Protocol, TypeAlias, TypeVar

from gate.core.decision.values import Band, Finding, FindingKind, Outcome
from gate.core.facts import Facts, Values

Check: TypeAlias = Callable[[Values], bool | None]
Judge: TypeAlias = Callable[[Values], Finding]
Wording: TypeAlias = Callable[[Values, Facts], str]
"""A sentence, from the values that the policy sees and from all facts."""

T = TypeVar("T")


class Choose(Protocol):
    """Makes a closure that answers one of three things: where it holds, where it does not, where
    that is unknown.
    """

    def __call__(self, yes: T, no: T, unknown: T, /) -> Callable[[Values], T]:
        """The closure that answers with these three."""


def choosing(check: Check) -> Choose:
    """Return a chooser made from a check, at the price of a second call."""

    def choose(yes: T, no: T, unknown: T, /) -> Callable[[Values], T]:
        def chosen(values: Values) -> T:
            holds = check(values)
            return unknown if holds is None else yes if holds else no

        return chosen

    return choose


RULES_MAX = 200
CONDITIONS_MAX = 50
STEPS_MAX = 12
POINTS_MAX = 100
NESTING_MAX = 5


class Mode(StrEnum):
    """Enforced, recorded beside the decision without deciding, or not looked at."""

    ENFORCE = "enforce"
    EVALUATE = "evaluate"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Part:
    """One entry of a clause, a condition or a nested group, compiled; sentences are made of parts.

    `example` answers the item of a list that decided the answer, for conditions over a list.
    `choose` is there where a closure can compare and choose at once.
    """

    text: str
    facts: tuple[str, ...]
    check: Check = field(compare=False, repr=False)
    choose: Choose | None = field(default=None, compare=False, repr=False)
    example: Callable[[Values], str | None] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Clause:
    """Conditions compiled to one closure of three answers; `text` is what the policy says, `facts`
    what it looks at.
    """

    text: str
    facts: tuple[str, ...]
    check: Check = field(compare=False, repr=False)
    conditions: int = 1
    parts: tuple[Part, ...] = field(default=(), compare=False, repr=False)

    @property
    def choose(self) -> Choose:
        """What `check` answers, as something else."""
        alone = self.parts[0].choose if len(self.parts) == 1 else None
        return alone or choosing(self.check)


@dataclass(frozen=True, slots=True)
class Rule:
    """Scored.

    Either `when` with `points`, or `points_by` with `steps` (ascending raw limits to points).
    """

    id: str
    title: str
    when: Clause | None = None
    points: int = 0
    points_by: str | None = None
    steps: tuple[tuple[int, int], ...] = ()

    @property
    def points_if_unknown(self) -> int:
        """Unknown is the worst case."""
        highest = max((points for _, points in self.steps), default=self.points)
        return max(0, highest)


@dataclass(frozen=True, slots=True)
class Requirement:
    """Not scored.

    One that does not hold, and is not excused by `unless`, ends the automatic path.
    """

    id: str
    title: str
    require: Clause
    # PENDING (review) or REJECTED.
    otherwise: Outcome
    unless: Clause | None = None


@dataclass(frozen=True, slots=True)
class Earn:
    """Successes in a row, each settled for so long."""

    successes: int
    settle_seconds: int


@dataclass(frozen=True, slots=True)
class Suspend:
    """So many failures among the last `within` end the pre-authorisation."""

    failures: int
    within: int


@dataclass(frozen=True, slots=True)
class StandardChange:
    """A pre-authorised kind of change."""

    id: str
    title: str
    owner: str
    authorised_by: tuple[str, ...]
    when: Clause
    up_to: Band
    earn: Earn | None
    suspend: Suspend | None
    review_by: date | None = None
    during_freeze: bool = False


@dataclass(frozen=True, slots=True)
class ReviewEntry:
    """From this band on, so many approvals by people of these groups (`owners` = the service's)."""

    from_band: Band
    approvals: int
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reminder:
    """When an ageing review is brought up again, and to whom after twice that."""

    after_seconds: int
    escalate_to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Emergency:
    """Who approves an emergency, and what it leaves behind."""

    by: tuple[str, ...]
    approvals: int
    valid_for_seconds: int
    review_within_seconds: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A policy made ready: every finding it can ever give exists already, so that judging is only
    picking.

    `trusted` and `doubted` are the names of the facts that are looked at, by whether a claim of
    them counts.
    """

    rules: tuple[Judge, ...]
    requirements: tuple[tuple[Requirement, Judge], ...]
    standard_changes: tuple[tuple[StandardChange, Judge], ...]
    # What a finding is about.
    subjects: Mapping[tuple[FindingKind, str], Rule | Requirement | StandardChange]
    trusted: tuple[str, ...]
    doubted: tuple[str, ...]
    # Lowest scores of moderate, high, critical.
    limits: tuple[int, ...]
    wordings: dict[tuple[object, ...], Wording] = field(
        default_factory=dict, compare=False, repr=False
    )  # filled by `sentences`


@dataclass(frozen=True, slots=True)
class Policy:
    """One file with `policy:`. `applies_to` None applies everywhere, with the fewest conditions."""

    name: str
    mode: Mode
    applies_to: Clause | None
    # Fact -> constant of each `==` in applies_to; proves policies disjoint.
    applies_to_equal: Mapping[str, object]
    trust_claims: frozenset[str]
    # Lowest score of moderate, high, critical.
    bands: Mapping[Band, int]
    rules: tuple[Rule, ...]
    requirements: tuple[Requirement, ...]
    standard_changes: tuple[StandardChange, ...]
    review: tuple[ReviewEntry, ...]
    expires_after_seconds: int
    valid_for_seconds: int
    close_within_seconds: int
    parallel: bool
    two_unverified_authors: bool
    remind: Reminder | None = None
    emergency: Emergency | None = None
    # Made by the first evaluation.
    plan: Plan | None = field(default=None, init=False, compare=False, repr=False)

    @property
    def specificity(self) -> int:
        """Among enforced policies that apply, the one with most conditions wins."""
        return self.applies_to.conditions if self.applies_to else 0

    def band_of(self, score: int) -> Band:
        """The band of a score; low begins at 0."""
        return max(
            (band for band, lowest in self.bands.items() if score >= lowest), default=Band.LOW
        )
