"""`/v1/delivery`: DORA's five for one service in one environment, and change fail rate by what
decided.
"""

from typing import Annotated

from fastapi import APIRouter, Query

from gate.api.http.answers import Answer, answer
from gate.api.http.permits import GateDep, Reader
from gate.api.http.route import GateRoute
from gate.api.models.delivery import DeliveryRequest
from gate.flow.answers.delivery import DeliveryAnswer
from gate.flow.answers.written import named
from gate.flow.queries import delivery

router = APIRouter(prefix="/v1/delivery", tags=["delivery"], route_class=GateRoute)


@router.get("", response_model=DeliveryAnswer)
async def read_delivery(
    query: Annotated[DeliveryRequest, Query()], _: Reader, gate: GateDep
) -> Answer:
    """Return how this service is delivered to this environment. Figures of places are never added
    up.
    """
    return answer(named(await delivery.figures(gate, query.query())))
