"""`/v1/outbox`: messages that did not arrive at their receivers."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from gate.api.http.answers import Answer, answer, link_to
from gate.api.http.permits import Admin, GateDep
from gate.api.http.route import GateRoute
from gate.api.models.queries import PartQuery
from gate.api.problems import documented
from gate.flow.answers.outbox import OutboxAnswer
from gate.flow.queries import outbox

router = APIRouter(prefix="/v1/outbox", tags=["outbox"], route_class=GateRoute)


@router.get("", response_model=OutboxAnswer)
async def read_outbox(
    query: Annotated[PartQuery, Query()], by: Admin, gate: GateDep, request: Request
) -> Answer:
    """Return how many messages wait for each target, and a part of those that were given up, newest
    first.
    """
    found = await outbox.outbox(gate, by, query.part())
    return answer(found, headers=link_to(request, found.next))


@router.post("/{message_id}/redelivery", status_code=204, responses=documented(404))
async def redeliver(message_id: str, _: Admin, gate: GateDep) -> Response:
    """Send a message that was given up again, under its own id."""
    await outbox.send_again(gate, message_id)
    return Response(status_code=204)
