"""Guards: findings of the gate itself, which no policy contains and no policy can leave out."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from gate.core.change import State
from gate.core.counting import counted
from gate.core.decision.values import (
    Contradiction,
    Finding,
    FindingKind,
    Hold,
)
from gate.core.facts import wire_value

IN_FLIGHT = "in-flight"
"""The rule of the finding that another change of this service and environment is in the way."""

OTHER_CHANGE, OTHER_STATE = "change", "state"
"""The words under which that finding keeps the id and the state of the other change."""

NOTHING_IN_FORCE = "nothing-in-force"
"""The rule of the note that no policy set was ever activated. No policy can apply then, so this
note is what decides."""

KEPT = "host-facts-kept"
"""The rule of the note that facts of the code host are those of an earlier decision."""

HOST_FACTS_FRESH_MINUTES = 10
"""How long an admission relies on facts of the code host. After that the host is asked again."""

KEPT_SINCE = "since"
"""The word under which that note keeps when the host was asked."""

REJECTED_HERE = "rejected-here"
"""The rule of the finding that a person rejected this commit for this service and environment."""


class InTheWay(NamedTuple):
    """Another change of the same service and environment that is in flight."""

    change: str
    # False: people approved it, and it is not deployed yet.
    deploying: bool


def nothing_in_force(because: str) -> Finding:
    """Return the note, for a `Case`, that no policy set is in force."""
    return guard(NOTHING_IN_FORCE, because)


def kept_since(asked_at: datetime) -> Finding:
    """Return the note that the code host was asked for an earlier decision, and not for this one.

    It holds, unlike other guards, because the facts count and nobody has to act on it.
    """
    because = (
        f"what the code host said at {asked_at:%Y-%m-%d %H:%M} UTC counts; the admission asks it "
        f"again {HOST_FACTS_FRESH_MINUTES} minutes after that"
    )
    seen = ((KEPT_SINCE, asked_at.isoformat()), ("because", because))
    return Finding(FindingKind.GATE, KEPT, "Code host", holds=True, seen=seen)


def when_kept(notes: Iterable[Finding]) -> datetime | None:
    """Return when the code host was asked, if these notes say that its facts were kept."""
    for note in notes:
        if note.rule == KEPT:
            return datetime.fromisoformat(str(dict(note.seen)[KEPT_SINCE]))
    return None


def held_by(hold: Hold) -> Finding:
    """Return the finding that a freeze window or the stopped line holds the change."""
    until = (
        f"until {hold.until.isoformat(timespec='minutes')}"
        if hold.until
        else "until somebody lifts it"
    )
    words = "the line is stopped" if hold.stop else f"frozen by {hold.window}"
    return guard("stopped" if hold.stop else "frozen", f"{words}, {until}")


def others_in_flight(named: list[InTheWay], count: int) -> Finding:
    """Return the finding that other changes of this place are in flight.

    It names one of them and what would end it. It names the same one as long as that is in the way,
    because another name would be another decision.
    """
    if not named:
        return guard(
            IN_FLIGHT,
            f"{counted(count, 'other change is', 'other changes are')} in flight here; wait until "
            "nothing is in flight, or let people decide",
        )
    first = min(named, key=lambda one: (not one.deploying, one.change))
    more = f" (and {count - 1} more in flight)" if count > 1 else ""
    if first.deploying:
        state = State.DEPLOYING
        words = (
            f"{first.change} is deploying here{more}; wait until it is closed, or let people decide"
        )
    else:
        state = State.APPROVED
        words = (
            f"{first.change} was approved by people and is not deployed yet{more}; deploy or "
            "cancel it, or let people decide"
        )
    finding = guard(IN_FLIGHT, words)
    other = ((OTHER_CHANGE, first.change), (OTHER_STATE, state.value))
    return replace(finding, seen=(*finding.seen, *other))


def in_the_way(finding: Finding) -> tuple[str | None, ...]:
    """Return the id and the state of the change that `others_in_flight` named, or two Nones.

    How many others there are is left out, so that a change of the number is no new decision.
    """
    said = dict(finding.seen) if finding.rule == IN_FLIGHT else {}
    return said.get(OTHER_CHANGE), said.get(OTHER_STATE)


def contradicted(contradictions: tuple[Contradiction, ...]) -> Finding:
    """Return the finding that the code host contradicts a claim; it names the first such fact."""
    first = contradictions[0]
    claimed = wire_value(first.fact, first.claimed)
    verified = wire_value(first.fact, first.verified)
    more = f", and {len(contradictions) - 1} more" if len(contradictions) > 1 else ""
    return guard(
        "claim_contradicted",
        f"{first.fact} was claimed as {claimed}, the code host says {verified}{more}",
    )


def rejected_here(change: str) -> Finding:
    """Return the finding that a person rejected this commit here, as the change of this id."""
    return guard(
        REJECTED_HERE, f"a person rejected this commit here as {change}; only people let it pass"
    )


def emergency_debt(overdue: int) -> Finding:
    """Return the finding that reviews of the owners' emergencies are overdue."""
    return guard(
        "emergency-debt",
        f"overdue reviews of the owners' emergencies: {overdue}; hold them first",
    )


def guard(rule: str, because: str) -> Finding:
    """Return a finding of the gate: it never holds, and `because` is its whole sentence."""
    title = rule.replace("-", " ").replace("_", " ").capitalize()
    return Finding(FindingKind.GATE, rule, title, holds=False, seen=(("because", because),))


EMERGENCY = guard(
    "emergency", "an emergency is approved by the people on call, and reviewed afterwards"
)
NOBODY_NAMED = guard(
    "nobody-named",
    "neither author, requester nor actor is known; name them, or let two people decide",
)
