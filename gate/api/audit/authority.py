"""`/v1/authority`: who may approve, override and reinstate what, place by place."""

from typing import Annotated

from fastapi import APIRouter, Query

from gate.api.http.answers import Answer, answer
from gate.api.http.permits import GateDep, Reader
from gate.api.http.route import GateRoute
from gate.api.models.audit import AuthorityRequest
from gate.flow.answers.place import AuthorityMapAnswer
from gate.flow.audit import authority

router = APIRouter(prefix="/v1/authority", tags=["reports"], route_class=GateRoute)


@router.get("", response_model=AuthorityMapAnswer)
async def read_authority(
    query: Annotated[AuthorityRequest, Query()], _: Reader, gate: GateDep
) -> Answer:
    """Return the map, made from what is in force. A cell that nobody can fill is a finding."""
    return answer(await authority.authority(gate, query.query()))
