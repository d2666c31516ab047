"""Decisions from forms: an approval or a rejection of what was shown, for one change or for
several.
"""

from dataclasses import dataclass

from gate.api.models.reviews import ApprovalRequest, RejectionRequest
from gate.core.change import State
from gate.core.decision.values import ChangeType
from gate.errors import Conflict, GateError, Invalid, NotFound
from gate.flow.caller import Person
from gate.flow.changes import review
from gate.flow.gate import Gate
from gate.flow.queries import look
from gate.web.forms import Form, read_request, text_of
from gate.web.notices import Notice
from gate.web.page import View, own_path
from gate.web.queue.rows import may_batch

MANY_MAX = 50
NO_COMMENT = "A rejection needs a comment: whoever asked wants to know why."


@dataclass(frozen=True)
class _Done:
    """The result for one of several changes: what was done, or why nothing was."""

    change: str
    title: str
    done: Notice | None
    refused: str | None


async def say(gate: Gate, change_id: str, form: Form, by: Person) -> Notice:
    """Approve or reject the change as the form says, and return the notice of what happened.

    Raises as `flow.review` does.
    """
    act, comment = text_of(form, "act"), text_of(form, "comment")
    digest = text_of(form, "subject_digest")
    return await _say(gate, change_id, act, digest, comment, by)


async def many(gate: Gate, form: Form, by: Person) -> View:
    """Approve or reject each of several changes, and return a page with the result for each of
    them.

    Each change is judged separately. Raises `Invalid` for what is wrong with all of them.
    """
    chosen = form.get("change", [])
    if not chosen:
        raise Invalid("No change was chosen. Tick the changes that you mean, then decide.")
    if len(chosen) > MANY_MAX:
        raise Invalid(
            f"{len(chosen)} changes at once are too many; decide at most {MANY_MAX} together."
        )
    act, comment = text_of(form, "act"), text_of(form, "comment")
    if act == "reject" and not comment:
        raise Invalid(NO_COMMENT)
    done: list[_Done] = []
    for each in chosen:
        change_id, _, digest = each.partition(":")
        try:
            await _check_batch(gate, change_id, by)
            notice = await _say(gate, change_id, act, digest, comment, by)
            refused = None
        except GateError as error:
            notice, refused = None, error.detail
        done.append(_Done(change_id, await _title(gate, change_id, by), notice, refused))
    count = sum(one.refused is None for one in done)
    return View(
        "decided.html",
        {"items": done},
        {"items": done, "count": count, "back": own_path(text_of(form, "back"))},
        status=200 if count == len(done) else 409,
    )


async def _check_batch(gate: Gate, change_id: str, by: Person) -> None:
    """Raise `Invalid` for a change that must be decided alone, because people who tick a long list
    do not read each entry.
    """
    change = await look.change(gate, change_id, by, wait_seconds=0)
    if not may_batch(change.risk.band, emergency=change.type is ChangeType.EMERGENCY):
        what = "an emergency" if change.type is ChangeType.EMERGENCY else f"{change.risk.band} risk"
        raise Invalid(f"It is {what}, so it is decided alone. Open it and decide there.")


async def _title(gate: Gate, change_id: str, by: Person) -> str:
    try:
        change = await look.change(gate, change_id, by, wait_seconds=0)
    except NotFound:
        return change_id
    return f"{change.title or change.service} ({change.service} to {change.environment})"


async def _say(
    gate: Gate, change_id: str, act: str, digest: str, comment: str, by: Person
) -> Notice:
    match act:
        case "approve":
            wanted = read_request(ApprovalRequest, subject_digest=digest, comment=comment).command()
            change = await review.approve(gate, change_id, wanted, by)
            if change.state is State.PENDING:
                return Notice.COUNTED
            if change.hold:
                return Notice.APPROVED_AND_HELD
            return Notice.APPROVED
        case "reject":
            if not comment:
                raise Invalid(NO_COMMENT)
            await review.reject(
                gate,
                change_id,
                read_request(RejectionRequest, subject_digest=digest, comment=comment).command(),
                by,
            )
            return Notice.REJECTED
        case _:
            raise Conflict("The form said neither yes nor no.")
