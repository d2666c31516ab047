"""The page of one change: its reasons, who may approve, what happened, and forms for what people
may do.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from gate.api.http.permits import GateDep
from gate.api.models.change import CancellationRequest
from gate.api.models.reviews import NoticeRequest, OverrideRequest, PostReviewRequest
from gate.core.incident import Method
from gate.errors import Conflict, Invalid
from gate.flow.answers.story import StoryAnswer
from gate.flow.answers.written import indented
from gate.flow.audit import notices
from gate.flow.caller import Person
from gate.flow.changes import cancel, post_review, review
from gate.flow.gate import Gate
from gate.flow.queries.story import story
from gate.web.changes import difference, sources
from gate.web.changes.headline import headline
from gate.web.changes.risk_bar import risk_bar
from gate.web.forms import (
    NOT_WRITTEN,
    Form,
    Written,
    read_form,
    read_request,
    text_of,
    written,
)
from gate.web.notices import Notice
from gate.web.page import Pages, View, go_on, own_path
from gate.web.queue import deciding
from gate.web.queue.rows import REVIEW
from gate.web.viewer import Doer, Viewer

METHODS: Mapping[Method, str] = {
    Method.EXPLICIT: "Whoever reported it named this change.",
    Method.ROLLBACK: "This change was rolled back.",
    Method.REMEDIATES: "Another change says that it repairs this one.",
    Method.WINDOW: "It began soon after this deployment.",
    Method.MANUAL: "A person tied it to this change.",
}
"""Why an incident is tied to the change, for a reader who may doubt it."""

pages = Pages()


class ChangeQuery(BaseModel, extra="forbid"):
    """The view of the page that is asked for."""

    view: str = "timeline"


@pages.page("/changes/{change_id}")
async def change(
    change_id: str, query: Annotated[ChangeQuery, Query()], by: Viewer, gate: GateDep
) -> View:
    """Return the page with everything about the change."""
    return _view(await story(gate, change_id, by), view=query.view)


@pages.form("/changes/{change_id}/decisions")
async def decide(request: Request, change_id: str, by: Doer, gate: GateDep) -> View | Response:
    """Approve or reject the decision that was shown.

    If the change was decided again meanwhile, the difference is shown instead.
    """
    form = await read_form(request, by)
    try:
        notice = await deciding.say(gate, change_id, form, by)
    except Conflict as conflict:
        if conflict.problem != "subject_mismatch":
            raise
        found = await story(gate, change_id, by)
        shown = difference.between(found.decisions, text_of(form, "subject_digest"))
        return _view(found, status=409, moved=shown, comment=text_of(form, "comment"))
    except Invalid as invalid:
        found = await story(gate, change_id, by)
        return _view(
            found,
            status=422,
            comment=text_of(form, "comment"),
            errors={"comment": invalid.detail},
        )
    return _back(request, form, change_id, notice)


@pages.form("/changes/{change_id}/approvals/end")
async def take_back(request: Request, change_id: str, by: Doer, gate: GateDep) -> Response:
    """Take back the viewer's own approval."""
    form = await read_form(request, by)
    await review.take_back(gate, change_id, by)
    return _back(request, form, change_id, Notice.TAKEN_BACK)


@pages.form("/changes/{change_id}/overrides")
async def override(request: Request, change_id: str, by: Doer, gate: GateDep) -> View | Response:
    """Override a hold, or lift a rejection."""
    form = await read_form(request, by)
    window, stop = text_of(form, "window"), text_of(form, "stop") == "yes"
    try:
        wanted = read_request(
            OverrideRequest,
            comment=text_of(form, "comment"),
            **({"stop": True} if stop else {"window": window} if window else {}),
        )
        change = await review.override(gate, change_id, wanted.command(), by)
    except Invalid as refused:
        name = "override" if window or stop else "lift"
        return await _again(gate, change_id, by, written(name, form, refused, "comment"))
    if not (window or stop):
        notice = Notice.REJECTION_LIFTED
    else:
        notice = Notice.OVERRIDDEN_AND_HELD if change.hold else Notice.OVERRIDDEN
    return _back(request, form, change_id, notice)


@pages.form("/changes/{change_id}/cancellation")
async def cancel_change(
    request: Request, change_id: str, by: Doer, gate: GateDep
) -> View | Response:
    """Cancel the change."""
    form = await read_form(request, by)
    try:
        wanted = read_request(CancellationRequest, comment=text_of(form, "comment"))
        await cancel.cancel(gate, change_id, wanted.comment or "", by)
    except Invalid as refused:
        return await _again(gate, change_id, by, written("cancel", form, refused, "comment"))
    return _back(request, form, change_id, Notice.CANCELED)


@pages.form("/changes/{change_id}/post-review")
async def look_back(request: Request, change_id: str, by: Doer, gate: GateDep) -> View | Response:
    """Record the findings of a review after an emergency."""
    form = await read_form(request, by)
    actions = [line for line in text_of(form, "actions").splitlines() if line.strip()]
    try:
        wanted = read_request(
            PostReviewRequest,
            findings=text_of(form, "findings"),
            comment=text_of(form, "comment"),
            actions=actions,
        )
        await post_review.hold_review(gate, change_id, wanted.command(), by)
    except Invalid as refused:
        return await _again(gate, change_id, by, written("review", form, refused))
    return _back(request, form, change_id, Notice.REVIEWED)


@pages.form("/changes/{change_id}/notices")
async def give_notice(request: Request, change_id: str, by: Doer, gate: GateDep) -> View | Response:
    """Record that customers were given a notice."""
    form = await read_form(request, by)
    try:
        wanted = read_request(
            NoticeRequest, duty=text_of(form, "duty"), comment=text_of(form, "comment")
        )
        await notices.give(gate, change_id, wanted.command(), by)
    except Invalid as refused:
        return await _again(gate, change_id, by, written("notice", form, refused))
    return _back(request, form, change_id, Notice.NOTICE_GIVEN)


def _back(request: Request, form: Form, change_id: str, notice: Notice) -> Response:
    back = own_path(text_of(form, "back"), f"/changes/{change_id}")
    return go_on(request, back, notice, change_id)


async def _again(gate: Gate, change_id: str, by: Person, refused: Written) -> View:
    """Return the page with a refused form as it was filled in."""
    return _view(await story(gate, change_id, by), status=422, written=refused)


def _view(found: StoryAnswer, *, status: int = 200, **more: Any) -> View:
    values = {
        "story": found,
        "change": found.change,
        "now": found.at,
        "methods": METHODS,
        "links": sources.links(found.change),
        "diff": sources.summary(found.decisions[0].facts if found.decisions else {}),
        "view": more.get("view", "timeline"),
        "headline": headline(found),
        # A standard change that matches may not approve, and then this is why.
        "obstacle": next((one.because for one in found.explained if one.rule == REVIEW), ""),
        "bar": risk_bar(found.change, found.explained, found.bands),
        "moved": more.get("moved"),
        "comment": more.get("comment", ""),
        "errors": more.get("errors", {}),
        "written": more.get("written", NOT_WRITTEN),
        "raw": indented(found) if more.get("view") == "raw" else "",
    }
    return View("change.html", found, values, status)
