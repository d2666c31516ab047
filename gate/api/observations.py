"""`/v1/observations`: what the gate would have done where it only observes."""

from typing import Annotated

from fastapi import APIRouter, Query

from gate.api.http.answers import Answer, answer
from gate.api.http.permits import GateDep, Reader
from gate.api.http.route import GateRoute
from gate.api.models.observations import ObservationsRequest
from gate.flow.answers.delivery import ObservationsAnswer
from gate.flow.answers.written import named
from gate.flow.queries import observations

router = APIRouter(prefix="/v1/observations", tags=["observations"], route_class=GateRoute)


@router.get("", response_model=ObservationsAnswer)
async def read_observations(
    query: Annotated[ObservationsRequest, Query()], by: Reader, gate: GateDep
) -> Answer:
    """Of the changes that were deployed while the gate observed: what would have passed, waited or
    been refused, and what to change before it enforces.
    """
    return answer(named(await observations.observations(gate, query.query(), by)))
