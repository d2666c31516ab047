"""The findings of the gate itself: what no policy says, and what no policy may leave out."""

from dataclasses import replace
from typing import NamedTuple

from gate.core.change import State
from gate.core.decision.values import (
    Contradiction,
    Finding,
    FindingKind,
    Hold,
)
from gate.core.facts import wire_value

IN_FLIGHT = "in-flight"
"""The finding that another change of the same service and environment is in the way."""


NAMED, STANDS = "change", "state"
"""Under these words the finding names that change, and where it stands."""


NOTHING_IN_FORCE = "nothing-in-force"
"""The note that no policy set was ever activated, and why. Beside it no policy can apply, so it is
what decides."""


class InTheWay(NamedTuple):
    """Another change of the same service and environment that is in flight."""

    change: str
    # Else people approved it, and it is still to be deployed.
    deploying: bool


def nothing_in_force(because: str) -> Finding:
    """The note that nothing is in force, for a `Case`."""
    return guard(NOTHING_IN_FORCE, because)


def held_by(hold: Hold) -> Finding:
    """The change is held by a freeze window, or because the line is stopped."""
    until = (
        f"until {hold.until.isoformat(timespec='minutes')}"
        if hold.until
        else "until somebody lifts it"
    )
    words = "the line is stopped" if hold.stop else f"frozen by {hold.window}"
    return guard("stopped" if hold.stop else "frozen", f"{words}, {until}")


def others_in_flight(named: list[InTheWay], count: int) -> Finding:
    """Other changes of the place are in flight.

    The finding names one of them, the same one as long as that is in the way, and what ends it.
    """
    if not named:
        return guard(
            IN_FLIGHT,
            f"{count} other changes are in flight here; wait until they are closed, or let "
            "people decide",
        )
    first = min(named, key=lambda one: (not one.deploying, one.change))
    more = f" (and {count - 1} more in flight)" if count > 1 else ""
    if first.deploying:
        stands = State.DEPLOYING
        words = (
            f"{first.change} is deploying here{more}; wait until it is closed, or let people decide"
        )
    else:
        stands = State.APPROVED
        words = (
            f"{first.change} was approved by people and is not deployed yet{more}; deploy or "
            "cancel it, or let people decide"
        )
    finding = guard(IN_FLIGHT, words)
    return replace(finding, seen=(*finding.seen, (NAMED, first.change), (STANDS, stands.value)))


def in_the_way(finding: Finding) -> tuple[str | None, ...]:
    """The change that a finding names as being in the way, and where it stands; how many others
    there are is no part of it.
    """
    said = dict(finding.seen) if finding.rule == IN_FLIGHT else {}
    return said.get(NAMED), said.get(STANDS)


def contradicted(contradictions: tuple[Contradiction, ...]) -> Finding:
    """The code host says otherwise than the caller claimed; the first such fact is named."""
    first = contradictions[0]
    claimed, verified = (
        wire_value(first.fact, first.claimed),
        wire_value(first.fact, first.verified),
    )
    more = f", and {len(contradictions) - 1} more" if len(contradictions) > 1 else ""
    return guard(
        "claim_contradicted",
        f"{first.fact} was claimed as {claimed}, the code host says {verified}{more}",
    )


def guard(rule: str, because: str) -> Finding:
    """A finding of the gate: it never holds, and `because` is its whole sentence."""
    title = rule.replace("-", " ").replace("_", " ").capitalize()
    return Finding(FindingKind.GATE, rule, title, holds=False, seen=(("because", because),))
