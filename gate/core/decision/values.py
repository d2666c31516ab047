"""The values that make up a decision: findings, holds, required approvals, and the decision."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Literal, NamedTuple, TypeAlias, cast

from orjson import Fragment

from gate.core.facts import Value


class Outcome(StrEnum):
    """The outcome of a decision."""

    APPROVED = "approved"
    PENDING = "pending"
    REJECTED = "rejected"


class ChangeType(StrEnum):
    """ITIL's three. The gate grants standard; a caller may only ask for emergency."""

    STANDARD = "standard"
    NORMAL = "normal"
    EMERGENCY = "emergency"


class Route(StrEnum):
    """The way in which a change was or will be settled.

    `OBSERVED` means that the gate only observed, so that nobody and nothing approved it.
    """

    AUTOMATIC = "automatic"
    REVIEW = "review"
    EMERGENCY = "emergency"
    OBSERVED = "observed"


BandWord: TypeAlias = Literal["low", "moderate", "high", "critical"]


class Band(IntEnum):
    """Risk bands, ordered. `word` is the name on every wire: low, moderate, high or critical."""

    LOW = 0
    MODERATE = 1
    HIGH = 2
    CRITICAL = 3

    word: BandWord

    def __init__(self, _rank: int) -> None:
        # An attribute and no property, because every decision reads it.
        self.word = cast("BandWord", self._name_.lower())

    @staticmethod
    def of(word: str) -> "Band":
        """Return the band of this word. Raises KeyError for any other."""
        return Band[word.upper()]


class FindingKind(StrEnum):
    """The kind of entry that a finding is about.

    `GATE` is the gate's own guard: hold, conflict, contradiction, debt, no policy.
    """

    RULE = "rule"
    REQUIREMENT = "requirement"
    STANDARD_CHANGE = "standard_change"
    GATE = "gate"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one rule, requirement, standard change or guard, as data.

    Its sentence is made from it and from the facts that it names. `step` is the limit that was
    reached in a `points_by` rule, in the raw unit of the fact. `seen` has what a guard adds to
    facts: pairs of a word and a text.
    """

    kind: FindingKind
    rule: str
    title: str
    holds: bool | None
    points: int = 0
    facts: tuple[str, ...] = ()
    step: int | None = None
    seen: tuple[tuple[str, str], ...] = ()
    # How it is written in a record; `record_form` makes it once and keeps it here.
    form: Fragment | None = field(default=None, init=False, compare=False, repr=False)


def gate_finding(rule: str, title: str, because: str) -> Finding:
    """Return a finding of the gate itself: it never holds, and `because` is its whole sentence."""
    return Finding(FindingKind.GATE, rule, title, holds=False, seen=(("because", because),))


@dataclass(frozen=True, slots=True)
class Hold:
    """Why an otherwise approvable change must wait.

    `until` is None for a stopped line: until a person lifts it.
    """

    window: str
    reason: str
    until: datetime | None
    lifted_by: tuple[str, ...]
    stop: bool = False


def longest(holds: Iterable[Hold]) -> Hold | None:
    """Return the hold that lasts longest; a stopped line lasts longer than every window."""
    return max(holds, key=lambda hold: (hold.stop, hold.until or _NEVER, hold.window), default=None)


def binding(holds: Iterable[Hold], *, excused: bool) -> Hold | None:
    """Return the hold that binds a change; one that is excused from windows is bound by a stopped
    line all the same.
    """
    return longest(hold for hold in holds if hold.stop or not excused)


_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Required:
    """An entry of what is required: `count` distinct people of any of the groups `by`."""

    by: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A claim that the code host does not confirm."""

    fact: str
    claimed: Value
    verified: Value


class Terms(NamedTuple):
    """The policy's terms for the time after the decision, in whole seconds.

    A decision carries its terms, so that a later change of the policy does not alter them.
    """

    expires_after_seconds: int = 24 * 3600
    valid_for_seconds: int = 4 * 3600
    close_within_seconds: int = 6 * 3600
    parallel: bool = False


USUAL_TERMS = Terms()


class WouldBe(NamedTuple):
    """The decision that an observing gate would have made if it had enforced."""

    outcome: Outcome
    type: ChangeType
    route: Route
    required: tuple[Required, ...] = ()
    hold: Hold | None = None


class Decision(NamedTuple):
    """A decision with every reason. `findings[0]` is the reason that decided.

    With `observed` the gate only observed: the outcome is approved, and the findings are those of
    the decision that the gate would have made.
    """

    outcome: Outcome
    type: ChangeType
    route: Route
    score: int
    band: Band
    policy: str | None
    findings: tuple[Finding, ...]
    standard_change: str | None = None
    matched_standard_changes: tuple[str, ...] = ()
    required: tuple[Required, ...] = ()
    hold: Hold | None = None
    # No freeze window holds it, because it is an emergency or its standard change may pass one.
    excused: bool = False
    terms: Terms = USUAL_TERMS
    shadows: tuple["Decision", ...] = ()
    observed: WouldBe | None = None

    @property
    def hold_reasons(self) -> tuple[str, ...]:
        """The reasons of its hold and of the hold that it would have had.

        A reason that a person wrote is the id of a text.
        """
        holds = (self.hold, self.observed.hold if self.observed else None)
        return tuple(hold.reason for hold in holds if hold is not None)
