"""How a command ended: one word, one exit code, and what to tell the person who reads it."""

from __future__ import annotations

from typing import NamedTuple

from gate.client.connection.http import Body, Refused

OK, ERROR, USAGE, REJECTED, DENIED, STILL_PENDING, GONE = 0, 1, 2, 3, 4, 5, 6

_CODES = {
    "approved": OK,
    "deploying": OK,
    "pending": STILL_PENDING,
    "rejected": REJECTED,
    "expired": GONE,
    "canceled": GONE,
}


class Outcome(NamedTuple):
    """`decision` is a state's word, `unreviewed`, or `error`; `message` says what the change itself
    does not.
    """

    code: int
    decision: str
    change: Body | None = None
    message: str = ""
    admitted: bool = False


def of_change(change: Body) -> Outcome:
    """As the state says. A closed change can no longer be deployed by this run."""
    state = str(change["state"])
    if state == "closed":
        return Outcome(
            ERROR,
            "error",
            change,
            "the change of this run is closed; run the pipeline again to deploy again",
        )
    return Outcome(_CODES[state], "approved" if state == "deploying" else state, change)


def of_refusal(refused: Refused, change: Body | None = None) -> Outcome:
    """The gate said no to the asking itself."""
    return Outcome(DENIED if refused.denied else ERROR, "error", change, str(refused))
