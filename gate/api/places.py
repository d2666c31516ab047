"""`/v1/services`: what runs where, and what stands in the way."""

from fastapi import APIRouter

from gate.api.http.answers import Answer, answer
from gate.api.http.permits import GateDep, PlaceReader
from gate.api.http.route import GateRoute
from gate.api.models.views import PlaceView
from gate.flow.queries import look

router = APIRouter(prefix="/v1/services", tags=["services"], route_class=GateRoute)


@router.get("/{service}/environments/{environment}", response_model=PlaceView)
async def read_place(service: str, environment: str, by: PlaceReader, gate: GateDep) -> Answer:
    """What runs in this environment of the service, what is in flight, and what holds changes
    up.
    """
    return answer(await look.place(gate, service, environment, by))
