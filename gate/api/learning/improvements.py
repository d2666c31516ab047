"""`/v1/improvements`: what the gate proposes, and what people try, with a figure of both times."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from gate.api.http.answers import Answer, answer, page_answer
from gate.api.http.permits import GateDep, Improver, Reader
from gate.api.http.route import GateRoute
from gate.api.models.learning import ImprovementPatch, ImprovementRequest, IssueRequest
from gate.api.models.queries import PartQuery
from gate.api.problems import documented
from gate.flow.answers.insights.improvement import ImprovementAnswer, ProposalsAnswer
from gate.flow.commands import Page
from gate.flow.learning import improvements, issues, proposals

router = APIRouter(prefix="/v1/improvements", tags=["delivery"], route_class=GateRoute)


@router.get("", response_model=Page[ImprovementAnswer])
async def list_improvements(
    query: Annotated[PartQuery, Query()], by: Reader, gate: GateDep, request: Request
) -> Answer:
    """The items of the register, newest first, closed ones too."""
    return page_answer(await improvements.listing(gate, by, query.part()), request)


@router.get("/proposals", response_model=ProposalsAnswer)
async def list_proposals(_: Reader, gate: GateDep) -> Answer:
    """What the gate would improve, from its own figures, each with its evidence."""
    return answer(await proposals.listing(gate))


@router.post("", status_code=201, response_model=ImprovementAnswer, responses=documented(409))
async def begin_improvement(request: ImprovementRequest, by: Improver, gate: GateDep) -> Answer:
    """Take a proposal, or write an item of your own. Its figure is read now and kept."""
    return answer(await improvements.add(gate, request.command(), by), 201)


@router.patch("/{improvement_id}", response_model=ImprovementAnswer, responses=documented(409))
async def change_improvement(
    improvement_id: str, request: ImprovementPatch, by: Improver, gate: GateDep
) -> Answer:
    """Set a later due date, or close the item with what was found.

    An item is closed only when its figure was read again, at its due date.
    """
    if request.due_at is not None:
        return answer(await improvements.postpone(gate, improvement_id, request.due_at, by))
    return answer(await improvements.close(gate, improvement_id, request.finding or "", by))


@router.post(
    "/{improvement_id}/issue",
    status_code=201,
    response_model=ImprovementAnswer,
    responses=documented(409, 503),
)
async def follow_issue(
    improvement_id: str, request: IssueRequest, by: Improver, gate: GateDep
) -> Answer:
    """Have an issue opened at a tracker, or follow one that there is.

    Its state is shown with the item and never closes it. A closed issue is no figure.
    """
    if request.tracker is not None:
        return answer(await issues.ask(gate, improvement_id, request.tracker, by), 201)
    return answer(await issues.follow(gate, improvement_id, request.link or "", by), 201)
