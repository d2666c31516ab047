"""`/v1/measures`: measurements of other systems about a service."""

from fastapi import APIRouter

from gate.api.http.answers import Answer, answer
from gate.api.http.permits import GateDep, Measurer
from gate.api.http.route import GateRoute
from gate.api.models.learning import MeasureRequest
from gate.api.problems import documented
from gate.flow.answers.delivery import MeasureAnswer
from gate.flow.learning import measures

router = APIRouter(prefix="/v1/measures", tags=["delivery"], route_class=GateRoute)


@router.post("", status_code=201, response_model=MeasureAnswer, responses=documented(409))
async def keep_measure(request: MeasureRequest, by: Measurer, gate: GateDep) -> Answer:
    """Store satisfaction, adoption, cost or availability. It is shown on the scorecard and never
    part of the risk.

    The same service, environment, name and time again corrects the value.
    """
    return answer(await measures.keep(gate, request.command(), by), 201)
