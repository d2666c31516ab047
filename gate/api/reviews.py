"""Acts of people on a change: approve, reject, override a hold, and review it afterwards."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from gate.api.http.answers import Answer, answer, page_answer
from gate.api.http.permits import ChangeReader, GateDep, Reviewer
from gate.api.http.route import GateRoute
from gate.api.models.queries import PartQuery
from gate.api.models.reviews import (
    ApprovalRequest,
    OverrideRequest,
    PostReviewRequest,
    RejectionRequest,
)
from gate.api.problems import documented
from gate.flow.answers.change import ChangeAnswer
from gate.flow.answers.place import SaidAnswer
from gate.flow.changes import post_review, review
from gate.flow.commands import Page
from gate.flow.queries import look

router = APIRouter(prefix="/v1/changes/{change_id}", tags=["reviews"], route_class=GateRoute)


@router.get("/approvals", response_model=Page[SaidAnswer])
async def list_approvals(
    change_id: str,
    query: Annotated[PartQuery, Query()],
    by: ChangeReader,
    gate: GateDep,
    request: Request,
) -> Answer:
    """Return approvals, including lapsed ones, and rejections of the change, newest first."""
    return page_answer(await look.approvals(gate, change_id, by, query.part()), request)


@router.post("/approvals", response_model=ChangeAnswer, responses=documented(409))
async def approve_change(
    change_id: str, request: ApprovalRequest, by: Reviewer, gate: GateDep
) -> Answer:
    """Record one person's approval of what they were shown. A second one of the same person has no
    effect.
    """
    return answer(await review.approve(gate, change_id, request.command(), by))


@router.delete("/approvals", response_model=ChangeAnswer, responses=documented(409))
async def take_back_approval(change_id: str, by: Reviewer, gate: GateDep) -> Answer:
    """Take back one's own approval, until the change is admitted."""
    return answer(await review.take_back(gate, change_id, by))


@router.post("/rejections", response_model=ChangeAnswer, responses=documented(409))
async def reject_change(
    change_id: str, request: RejectionRequest, by: Reviewer, gate: GateDep
) -> Answer:
    """Record one person's rejection, which ends the change."""
    return answer(await review.reject(gate, change_id, request.command(), by))


@router.post("/overrides", response_model=ChangeAnswer, responses=documented(409))
async def override_hold(
    change_id: str, request: OverrideRequest, by: Reviewer, gate: GateDep
) -> Answer:
    """Override a freeze window or a stopped line for this change, or lift a rejection."""
    return answer(await review.override(gate, change_id, request.command(), by))


@router.post("/post-review", response_model=ChangeAnswer, responses=documented(409))
async def hold_post_review(
    change_id: str, request: PostReviewRequest, by: Reviewer, gate: GateDep
) -> Answer:
    """Record the review after an emergency, or after a change that failed."""
    return answer(await post_review.hold_review(gate, change_id, request.command(), by))
