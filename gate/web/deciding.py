"""A person's word, as a form brings it: yes or no to what was shown, from the list and from the
page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from gate.api.models.reviews import ApprovalRequest, RejectionRequest
from gate.core.change import State
from gate.errors import Conflict, GateError, Invalid
from gate.flow.caller import Person
from gate.flow.changes import review
from gate.flow.gate import Gate
from gate.web.forms import Form, one, read_ask
from gate.web.page import View, go_to, own_path

MANY_MAX = 50
APPROVE, REJECT = "approve", "reject"
_TOLD: Mapping[str, str] = {
    "approved": "Approved.",
    "given": "Your approval counts. Others are still needed.",
    "rejected": "Rejected. The pipeline is told.",
    "overridden": "The hold no longer stops this change.",
    "lifted": "The rejection is lifted. The pipeline may ask anew.",
    "canceled": "Canceled.",
    "reviewed": "The review is on record.",
    "window": "The window is in the calendar.",
    "stopped": "The line is stopped. Nothing in its reach is admitted.",
    "running": "The window is lifted.",
    "saved": "Saved.",
    "revoked": "The token is good for nothing any more.",
}


@dataclass(frozen=True)
class _Done:
    """What became of one of several changes: the word for it, or why nothing was done."""

    change: str
    done: str | None
    refused: str | None


def told(word: str | None) -> str | None:
    """What a page says about what was just done; a word that is none of ours says nothing."""
    return _TOLD.get(word or "")


async def say(gate: Gate, change_id: str, form: Form, by: Person) -> str:
    """Approve or reject as the form says; the word for what became of it.

    Raises as `flow.review` does.
    """
    act, digest, comment = one(form, "act"), one(form, "subject_digest"), one(form, "comment")
    return await _say(gate, change_id, act, digest, comment, by)


async def many(request: Request, gate: Gate, form: Form, by: Person) -> View | Response:
    """Give one word for each of several changes; each is judged by itself, and what became of each
    is shown.
    """
    chosen = form["change"]
    if len(chosen) > MANY_MAX:
        raise Invalid(
            f"{len(chosen)} changes at once are too many; decide at most {MANY_MAX} together."
        )
    act, comment = one(form, "act"), one(form, "comment")
    done: list[_Done] = []
    for each in chosen:
        change_id, _, digest = each.partition(":")
        try:
            word = await _say(gate, change_id, act, digest, comment, by)
            done.append(_Done(change_id, told(word), None))
        except GateError as error:
            done.append(_Done(change_id, None, error.detail))
    if all(one_.refused is None for one_ in done):
        return go_to(
            with_done(one(form, "back"), {APPROVE: "approved", REJECT: "rejected"}.get(act, ""))
        )
    _ = request
    return View(
        "decided.html",
        {"items": done},
        {"done": done, "back": own_path(one(form, "back"))},
        status=409,
    )


def with_done(back: str, word: str) -> str:
    """Where the form came from, with the word for what was done."""
    parts = urlsplit(own_path(back))
    kept = [pair for pair in parts.query.split("&") if pair and not pair.startswith("done=")]
    return f"{parts.path}?{'&'.join([*kept, urlencode({'done': word})])}"


async def _say(gate: Gate, change_id: str, act: str, digest: str, comment: str, by: Person) -> str:
    match act:
        case "approve":
            ask = read_ask(ApprovalRequest, subject_digest=digest, comment=comment).ask()
            change = await review.approve(gate, change_id, ask, by)
            return "given" if change.state is State.PENDING else "approved"
        case "reject":
            if not comment:
                raise Invalid("A rejection needs a comment: whoever asked wants to know why.")
            await review.reject(
                gate,
                change_id,
                read_ask(RejectionRequest, subject_digest=digest, comment=comment).ask(),
                by,
            )
            return "rejected"
        case _:
            raise Conflict("The form said neither yes nor no.")
