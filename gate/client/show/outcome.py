"""The outcome of a command: one word, one exit code, and a message for the reader."""

from __future__ import annotations

from typing import NamedTuple

from gate.client.connection.http import Body, Refused

OK, ERROR, USAGE, REJECTED, DENIED, STILL_PENDING, GONE = 0, 1, 2, 3, 4, 5, 6

CODES = {
    "approved": OK,
    "deploying": OK,
    "pending": STILL_PENDING,
    "rejected": REJECTED,
    "expired": GONE,
    "canceled": GONE,
}
"""The exit code by the state of a change, or by the outcome of an evaluation."""


class Outcome(NamedTuple):
    """The outcome of a command.

    `decision` is the word of a state, `unreviewed`, or `error`. `message` says what the change
    itself does not say.
    """

    code: int
    decision: str
    change: Body | None = None
    message: str = ""
    admitted: bool = False


def failed(message: str, change: Body | None = None, *, code: int = ERROR) -> Outcome:
    """Return the outcome of a command that could not do what it was asked for."""
    return Outcome(code, "error", change, message)


def of_change(change: Body) -> Outcome:
    """Return the outcome for the state of the change.

    A closed change is an error, because this run can no longer deploy it.
    """
    state = str(change["state"])
    if state == "closed":
        return failed(
            "the change of this run is closed; run the pipeline again to deploy again", change
        )
    return Outcome(CODES[state], "approved" if state == "deploying" else state, change)


def of_refusal(refused: Refused, change: Body | None = None) -> Outcome:
    """Return the outcome for a request that the gate refused."""
    return failed(str(refused), change, code=DENIED if refused.denied else ERROR)
