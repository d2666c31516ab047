"""One change: why it was decided so, who may approve, what happened, and a form for a person's
word.
"""

from typing import Annotated, Any, NamedTuple

from fastapi import Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from gate.api.http.permits import GateDep
from gate.api.models.reviews import OverrideRequest, PostReviewRequest
from gate.core.change import Result, State
from gate.core.decision.values import Outcome, Route
from gate.errors import Conflict
from gate.flow.answers.change import ChangeAnswer
from gate.flow.answers.story import StoryAnswer
from gate.flow.answers.written import indented
from gate.flow.changes import cancel, post_review, review
from gate.flow.queries.story import story
from gate.web.changes import difference, sources
from gate.web.forms import Form, one, read_form, read_request
from gate.web.notices import Notice
from gate.web.page import Pages, View, go_on, own_path
from gate.web.queue import deciding
from gate.web.viewer import Doer, Viewer
from gate.web.words import span

pages = Pages()


class ChangeQuery(BaseModel, extra="forbid"):
    """How the page is looked at."""

    view: str = "timeline"


@pages.page("/changes/{change_id}")
async def change(
    change_id: str, query: Annotated[ChangeQuery, Query()], by: Viewer, gate: GateDep
) -> View:
    """Everything about it."""
    return _view(await story(gate, change_id, by), view=query.view)


@pages.form("/changes/{change_id}/decisions")
async def decide(request: Request, change_id: str, by: Doer, gate: GateDep) -> View | Response:
    """Approve or reject what was shown. Decided again since, the difference is shown instead."""
    form = await read_form(request, by)
    try:
        notice = await deciding.say(gate, change_id, form, by)
    except Conflict as conflict:
        if conflict.problem != "subject_mismatch":
            raise
        found = await story(gate, change_id, by)
        shown = difference.between(found.decisions, one(form, "subject_digest"))
        return _view(found, status=409, moved=shown, comment=one(form, "comment"))
    return _back(request, form, change_id, notice)


@pages.form("/changes/{change_id}/approvals/end")
async def take_back(request: Request, change_id: str, by: Doer, gate: GateDep) -> Response:
    """Take back one's own approval."""
    form = await read_form(request, by)
    await review.take_back(gate, change_id, by)
    return _back(request, form, change_id, Notice.TAKEN_BACK)


@pages.form("/changes/{change_id}/overrides")
async def override(request: Request, change_id: str, by: Doer, gate: GateDep) -> Response:
    """Lift what holds it, or a rejection."""
    form = await read_form(request, by)
    window, stop = one(form, "window"), one(form, "stop") == "yes"
    wanted = read_request(
        OverrideRequest,
        comment=one(form, "comment"),
        **({"stop": True} if stop else {"window": window} if window else {}),
    )
    change = await review.override(gate, change_id, wanted.command(), by)
    if not (window or stop):
        notice = Notice.REJECTION_LIFTED
    else:
        notice = Notice.OVERRIDDEN_AND_HELD if change.hold else Notice.OVERRIDDEN
    return _back(request, form, change_id, notice)


@pages.form("/changes/{change_id}/cancellation")
async def cancel_change(request: Request, change_id: str, by: Doer, gate: GateDep) -> Response:
    """Withdraw it."""
    form = await read_form(request, by)
    await cancel.cancel(gate, change_id, one(form, "comment"), by)
    return _back(request, form, change_id, Notice.CANCELED)


@pages.form("/changes/{change_id}/post-review")
async def look_back(request: Request, change_id: str, by: Doer, gate: GateDep) -> Response:
    """Record what was learnt."""
    form = await read_form(request, by)
    actions = [line for line in one(form, "actions").splitlines() if line.strip()]
    wanted = read_request(
        PostReviewRequest,
        findings=one(form, "findings"),
        comment=one(form, "comment"),
        actions=actions,
    )
    await post_review.hold_review(gate, change_id, wanted.command(), by)
    return _back(request, form, change_id, Notice.REVIEWED)


def _back(request: Request, form: Form, change_id: str, notice: Notice) -> Response:
    return go_on(request, own_path(one(form, "back"), f"/changes/{change_id}"), notice)


def _view(found: StoryAnswer, *, status: int = 200, **more: Any) -> View:
    values = {
        "story": found,
        "change": found.change,
        "now": found.at,
        "links": sources.links(found.change),
        "diff": sources.summary(found.decisions[0].facts if found.decisions else {}),
        "view": more.get("view", "timeline"),
        "headline": headline(found),
        "moved": more.get("moved"),
        "comment": more.get("comment", ""),
        "raw": indented(found) if more.get("view") == "raw" else "",
    }
    return View("change.html", found, values, status)


class Headline(NamedTuple):
    """What happened to a change, in one sentence, and how that is coloured."""

    text: str
    tone: Outcome


def headline(found: StoryAnswer) -> Headline:
    """What happened to the change by now; what its policy had to say stands under "Why"."""
    change, tone = found.change, Outcome.PENDING
    match change.state:
        case State.PENDING:
            text = _waiting(change)
        case State.APPROVED:
            then = f"held: {change.hold.reason}" if change.hold else "waiting to deploy"
            text, tone = f"{_approved(found)}, {then}.", Outcome.APPROVED
        case State.DEPLOYING:
            text, tone = f"Deploying. {_approved(found)}.", Outcome.APPROVED
        case State.REJECTED:
            text, tone = _rejected(found), Outcome.REJECTED
        case State.EXPIRED:
            # a pending change has an end of its own, which its approval takes away
            unused = "it was approved, and not deployed in time"
            text = f"Expired: {'nobody decided in time' if change.expires_at else unused}."
        case State.CANCELED:
            text = _canceled(found)
        case State.CLOSED:
            return _ended(found)
    return Headline(text, tone)


def _waiting(change: ChangeAnswer) -> str:
    needs = " and ".join(
        f"{entry.missing} more of {' or '.join(entry.by)}"
        for entry in change.approvals.required
        if entry.missing
    )
    held = f"Held: {change.hold.reason}." if change.hold else ""
    return " ".join(part for part in (held, f"Needs {needs}." if needs else "") if part) or "Waits."


def _approved(found: StoryAnswer) -> str:
    change = found.change
    if change.observed:
        return "Let through: the gate only observes here"
    if change.route is Route.AUTOMATIC:
        because = found.explained[0].because.rstrip(".") if found.explained else ""
        if because:
            return f"Approved automatically: {because}"
        return "Approved automatically"
    names = [one.name or one.person for one in change.approvals.given if not one.lapsed]
    return f"Approved by {' and '.join(names)}" if names else "Approved"


def _rejected(found: StoryAnswer) -> str:
    acts = {event["kind"]: event for event in found.timeline}
    said = acts.get("rejection")
    if found.change.route is Route.AUTOMATIC or said is None:
        because = found.explained[0].because if found.explained else "a requirement does not hold."
        return f"Rejected by the policy: {because}"
    comment = f": {said['comment']}" if said.get("comment") else "."
    lifter = acts.get("override")
    lifted = (
        f" {lifter['by']} lifted the rejection."
        if lifter is not None and lifter.get("window") == "rejection"
        else ""
    )
    return f"Rejected by {said['by']}{comment}{lifted}"


def _canceled(found: StoryAnswer) -> str:
    acts = [event for event in found.timeline if event["kind"] == "cancellation"]
    if not acts:
        return "Canceled."
    act = acts[-1]
    if act.get("superseded_by"):
        return f"Canceled: {act['superseded_by']} was deployed here after it was asked for."
    by = f" by {act['by']}" if act["by"] else ""
    return f"Canceled{by}{': ' + act['comment'] if act.get('comment') else '.'}"


def _ended(found: StoryAnswer) -> Headline:
    change = found.change
    result = change.closed.result if change.closed else None
    took = ""
    if change.closed and change.admitted_at:
        took = f" after {span((change.closed.at - change.admitted_at).total_seconds())}"
    # Each incident, by whether its newest link still stands.
    linked: dict[str, bool] = {}
    for event in found.timeline:
        if event["kind"] == "link":
            linked[event["incident"]] = event["action"] != "removed"
    broken = ", ".join(name for name, stands in linked.items() if stands)
    incidents = f", incident {broken}" if broken else ""
    match result:
        case Result.UNSUCCESSFUL:
            return Headline(f"Failed{took}{incidents}.", Outcome.REJECTED)
        case Result.ROLLED_BACK:
            return Headline(f"Failed: rolled back{took}{incidents}.", Outcome.REJECTED)
        case Result.SUCCESSFUL if broken:
            return Headline(f"Deployed{took}, and failed{incidents}.", Outcome.REJECTED)
        case Result.SUCCESSFUL:
            return Headline(f"Deployed{took}.", Outcome.APPROVED)
        case _:
            return Headline(f"Deployed{took}, with issues{incidents}.", Outcome.APPROVED)
