"""A policy as values: `file` reads it, and `decision.evaluate` applies it.

Unknown has a place everywhere: a check answers True, False or None.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Protocol, TypeAlias, TypeVar

from gate.core.decision.values import Band, Finding, FindingKind, Outcome
from gate.core.facts import Facts, Values
from gate.core.policy.grounds import NO_GROUNDS, Grounds

Check: TypeAlias = Callable[[Values], bool | None]
Judge: TypeAlias = Callable[[Values], Finding]
Wording: TypeAlias = Callable[[Values, Facts], str]
"""Makes a sentence from the values that the policy sees and from all facts."""

T = TypeVar("T")


class Choose(Protocol):
    """A check compiled to return one of three given values instead of True, False and None."""

    def __call__(self, yes: T, no: T, unknown: T, /) -> Callable[[Values], T]:
        """Return the check that returns these three values."""


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
    """Whether a policy decides, is only recorded beside the decision, or is not looked at."""

    ENFORCE = "enforce"
    EVALUATE = "evaluate"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Part:
    """One entry of a clause, compiled: a condition or a nested group. Sentences are made of parts.

    `example` is for a condition over a list, and returns the item that decided. `choose` is there
    if the comparison and the choice can be made in one call. `spoken` says the entry in English.
    """

    text: str
    facts: tuple[str, ...]
    check: Check = field(compare=False, repr=False)
    choose: Choose | None = field(default=None, compare=False, repr=False)
    example: Callable[[Values], str | None] | None = field(default=None, compare=False, repr=False)
    spoken: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Clause:
    """Conditions compiled to one check.

    `text` is how the policy has it, `facts` are the names of the facts that the check looks at.
    """

    text: str
    facts: tuple[str, ...]
    check: Check = field(compare=False, repr=False)
    conditions: int = 1
    parts: tuple[Part, ...] = field(default=(), compare=False, repr=False)

    @property
    def spoken(self) -> str:
        """The conditions as a part of a sentence."""
        return " and ".join(part.spoken or part.text for part in self.parts) or self.text

    @property
    def choose(self) -> Choose:
        """`check`, compiled to return one of three given values instead of an answer."""
        alone = self.parts[0].choose if len(self.parts) == 1 else None
        return alone or choosing(self.check)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule gives points.

    It has either `when` with `points`, or `points_by` with `steps`: pairs of a limit, in the raw
    unit of the fact, and its points, by rising limit.
    """

    id: str
    title: str
    when: Clause | None = None
    points: int = 0
    points_by: str | None = None
    steps: tuple[tuple[int, int], ...] = ()
    grounds: Grounds = NO_GROUNDS

    @property
    def points_if_unknown(self) -> int:
        """The highest points, because unknown is the worst case; never below 0."""
        highest = max((points for _, points in self.steps), default=self.points)
        return max(0, highest)


@dataclass(frozen=True, slots=True)
class Requirement:
    """A requirement gives no points: a change that does not meet it is not approved by itself.

    `unless` excuses from it.
    """

    id: str
    title: str
    require: Clause
    # What becomes of a change that does not meet it: PENDING, for a review, or REJECTED.
    otherwise: Outcome
    unless: Clause | None = None
    grounds: Grounds = NO_GROUNDS


@dataclass(frozen=True, slots=True)
class Earn:
    """How a standard change is earned: by a number of successes in a row, each settled
    for a time.
    """

    successes: int
    settle_seconds: int


@dataclass(frozen=True, slots=True)
class Suspend:
    """When a standard change is suspended: after a number of failures among the last `within`
    changes.
    """

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
    # Past its `review_by` it is suspended.
    grounds: Grounds = NO_GROUNDS
    during_freeze: bool = False

    @property
    def review_by(self) -> date | None:
        """The last day on which it may pass anything but a rollback; None for no such day."""
        return self.grounds.review_by


@dataclass(frozen=True, slots=True)
class ReviewEntry:
    """The approvals that a change needs from this band on, by people of these groups.

    The group `owners` stands for those that own the service.
    """

    from_band: Band
    approvals: int
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reminder:
    """When the approvers of a waiting change are reminded; after twice that time others are too."""

    after_seconds: int
    escalate_to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Emergency:
    """The approvers of an emergency, how long their approval counts, and when its review is due."""

    by: tuple[str, ...]
    approvals: int
    valid_for_seconds: int
    review_within_seconds: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A policy compiled for decisions: each finding it can give exists, and a judge picks one.

    `trusted` and `doubted` are the names of the facts that the policy looks at; a claim counts only
    for those of `trusted`. Those of `of_doubted_files` are the gate's own, and count only where the
    list of files is no claim.
    """

    rules: tuple[Judge, ...]
    requirements: tuple[tuple[Requirement, Judge], ...]
    standard_changes: tuple[tuple[StandardChange, Judge], ...]
    # By kind and id of a finding: what it is about.
    subjects: Mapping[tuple[FindingKind, str], Rule | Requirement | StandardChange]
    trusted: tuple[str, ...]
    doubted: tuple[str, ...]
    of_doubted_files: tuple[str, ...]
    # The lowest scores of moderate, high and critical.
    limits: tuple[int, ...]
    # `sentences` fills this as it needs them.
    wordings: dict[tuple[object, ...], Wording] = field(
        default_factory=dict, compare=False, repr=False
    )


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy file. Without `applies_to` it applies everywhere, unless another is
    more specific.
    """

    name: str
    mode: Mode
    applies_to: Clause | None
    # The facts that `applies_to` compares by `==`, with their constants. Two policies that want
    # different constants of one fact never apply together.
    applies_to_equal: Mapping[str, object]
    trust_claims: frozenset[str]
    # The lowest score of each of moderate, high and critical.
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
    # The first evaluation makes it.
    plan: Plan | None = field(default=None, init=False, compare=False, repr=False)

    @property
    def specificity(self) -> int:
        """The number of conditions: of several policies that apply, the one with most decides."""
        return self.applies_to.conditions if self.applies_to else 0
