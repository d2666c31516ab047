"""A model of a change's life that fits on a page: what people did to it, and where it may stand."""

from collections.abc import Collection
from dataclasses import dataclass, field

from gate.core.change import Change, Result, State
from gate.flow.caller import Person
from gate.ledger.format import Entry
from tests.builders import Wire, key_of, make_person
from tests.flow.shop import CATALOGUE, make_files

WAITING, DECIDED = {State.PENDING, State.APPROVED}, {State.APPROVED, State.PENDING, State.REJECTED}
NEEDED = 2
"""Approvals: nobody confirms who wrote a change, so two decide, whatever the policy in force."""
LAWS = {
    "usual": {},
    "one at a time": {"parallel": "refuse"},
    "size is worse": {
        "rules": "[{id: size, title: Size, points_by: diff.lines_added, steps: {5: 35, 200: 70}}]"
    },
    "never": {
        "requirements": "[{id: never, title: Never, require: [labels.never == x], otherwise: "
        "reject}]"
    },
}
BANDS = ("low", "moderate", "high", "critical")
GROUPS = {
    "ada": "release-managers",
    "ben": "release-managers",
    "farida": "team-payments",
    "chloe": "on-call",
    "lena": "on-call",
    "kofi": "x",
}
KINDS = ("small", "small", "large", "large", "large", "emergency")
SEVERAL = (
    ("ada", "farida"),
    ("ben", "ada"),
    ("farida", "ben"),
    ("chloe", "lena"),
    ("ada",),
    ("kofi", "ada", "ada"),
)
"""Who approves together: enough of them, too few, or of the wrong ones."""
FILES = CATALOGUE.replace("on-call: {people: [chloe]}", "on-call: {people: [chloe, lena]}")
ENDS = {"rejection", "cancellation", "expiry", "admission"}
GOOD = {Result.SUCCESSFUL, Result.SUCCESSFUL_ISSUES}


@dataclass(eq=False, repr=False, slots=True)
class Life:
    """What the model knows of one change."""

    change: Change
    seen: Wire
    since: int
    endings: int
    held: bool = False
    digests: list[str] = field(default_factory=list)
    approvers: set[str] = field(default_factory=set)
    overridden: set[str] = field(default_factory=set)
    rejected_by_person: bool = False
    envelope: Wire | None = None
    by: str = ""
    result: Result | None = None
    succeeded: bool = False  # once, whatever was reported later

    def __repr__(self) -> str:
        return (
            f"<{self.change.commit[0]} {self.state.value}, waiting or over since {self.since} "
            f"h, {sorted(self.approvers)}>"
        )

    @property
    def state(self) -> State:
        """What the gate said last."""
        return State(self.seen["state"])

    @property
    def hours(self) -> int:
        """How long it may wait as it is."""
        return 24 if self.state is State.PENDING else 1 if self.change.emergency else 4

    @property
    def weight(self) -> int:
        """There is more to do with what is not over."""
        return 6 if self.state in {*WAITING, State.DEPLOYING} else 1

    @property
    def urgency(self) -> int:
        """Approvals are for what is pending, and for what was decided again most of all."""
        return 8 * len(self.digests) if self.state is State.PENDING else 1

    def unentitled(self, person: str) -> str | None:
        """The refusal of whom nobody asks."""
        asked = {"on-call"} if self.change.emergency else {"release-managers", "team-payments"}
        return (
            None if self.seen["route"] != "automatic" and GROUPS[person] in asked else "not_allowed"
        )

    def may_not_lift(self, person: str) -> str | None:
        """The refusal of whom nobody would ask; where the gate itself decided, those count who
        answer for the service.
        """
        if self.seen["route"] != "automatic":
            return self.unentitled(person)
        return None if GROUPS[person] in {"release-managers", "team-payments"} else "not_allowed"

    def own(self, person: str) -> str | None:
        """The refusal of who asked for it."""
        return (
            "separation_of_duties" if self.change.requested_by == f"{person}@example.com" else None
        )

    def not_shown(self, digest: str) -> str | None:
        """The refusal of what is no longer to be decided, or was decided otherwise."""
        if self.state is not State.PENDING:
            return "expired" if self.state is State.EXPIRED else "state_conflict"
        return None if digest == self.digests[-1] else "subject_mismatch"

    def follow(self, now: Wire, allowed: Collection[State], hours: int, endings: int) -> None:
        """It may have come here; another decision keeps approvals only where it is no worse."""
        before, state = self.state, State(now["state"])
        over = before in WAITING and hours - self.since >= self.hours
        expected = (
            set(allowed)
            if not over
            else {State.EXPIRED}
            if not self.held
            else {*allowed, State.EXPIRED}
        )
        assert state in expected, f"{before} became {state}, the model allows {sorted(expected)}"
        anew = now["decision"]["number"] != self.seen["decision"]["number"]
        if state is State.CLOSED and self.result is None:
            self.result = Result.ROLLED_BACK
        if anew:
            worse = (
                BANDS.index(now["risk"]["band"]) > BANDS.index(self.seen["risk"]["band"])
                or now["type"] != self.seen["type"]
            )
            self.approvers = set() if worse or state is State.REJECTED else self.approvers
            self.endings = endings
        assert (
            anew or now["subject_digest"] == self.seen["subject_digest"]
        )  # an override changes no fact
        if state is not before or (anew and state is State.APPROVED):
            self.since = hours
        self.learn(now)

    def learn(self, now: Wire) -> None:
        """What it says of itself is what people did."""
        self.seen, self.held = now, self.held or now["hold"] is not None
        if now["subject_digest"] in self.digests:  # the facts are again as they were
            self.digests.remove(now["subject_digest"])
        self.digests.append(now["subject_digest"])
        if self.state in WAITING:
            given = {
                key_of(one["person"]) for one in now["approvals"]["given"] if not one["lapsed"]
            }
            assert given == self.approvers
            assert not any(map(self.own, given))
        if self.state is State.PENDING:
            assert (
                sum(one["missing"] for one in now["approvals"]["required"])
                == NEEDED - len(self.approvers)
                > 0
            )
        assert (now["closed"] or {"result": None})["result"] == self.result
        if self.state is State.APPROVED:
            assert now["route"] == "automatic" or len(self.approvers) >= NEEDED

    def compare(self, entries: Collection[Entry]) -> None:
        """The ledger tells of one end, of one admission of what was admitted, and of approvals by
        who may, of what was shown.
        """
        ends = [entry.kind.value for entry in entries if entry.kind.value in ENDS]
        written = {
            State.REJECTED: "rejection" if self.rejected_by_person else None,
            State.CANCELED: "cancellation",
        }
        expected = "admission" if self.envelope else written.get(self.state)
        assert ends in (
            [["expiry"], []] if self.state is State.EXPIRED else [[expected] if expected else []]
        )
        for given in (entry.fields for entry in entries if entry.kind.value == "approval"):
            assert given["subject_digest"] in self.digests
            assert not self.own(key_of(str(given["by"])))


def who(name: str) -> Person:
    """Somebody of one group."""
    return make_person(name, GROUPS[name])


def make_laws(name: str) -> dict[str, str]:
    """The files with these laws; two deployments at once may be, unless they say otherwise."""
    return make_files(**{"unverified_authors": "two", "parallel": "allow", **LAWS[name]}) | {
        "catalog.yaml": FILES
    }
