"""`/v1/observations` and `/v1/standard-changes`: what an observing gate would have decided, and
which standard changes are earned.
"""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from gate.api.http.answers import Answer, answer, page_answer
from gate.api.http.permits import GateDep, Reader, Reinstater
from gate.api.http.route import GateRoute
from gate.api.models.acts import ActivationRequest
from gate.api.models.delivery import DeliveryRequest
from gate.api.models.queries import StandardChangesQuery
from gate.api.problems import documented
from gate.flow.answers.delivery import ObservationsAnswer
from gate.flow.answers.policy import StandardChangeAnswer
from gate.flow.answers.written import named
from gate.flow.commands import Page
from gate.flow.policies import standard_changes
from gate.flow.queries import observations

router = APIRouter(prefix="/v1", tags=["observations"], route_class=GateRoute)


@router.get("/observations", response_model=ObservationsAnswer)
async def read_observations(
    query: Annotated[DeliveryRequest, Query()], by: Reader, gate: GateDep
) -> Answer:
    """Return which changes would have been approved, pending or rejected if the gate had not only
    observed, and what to change before it enforces.
    """
    return answer(named(await observations.observations(gate, query.query(), by)))


@router.get("/standard-changes", response_model=Page[StandardChangeAnswer])
async def list_standard_changes(
    query: Annotated[StandardChangesQuery, Query()], by: Reader, gate: GateDep, request: Request
) -> Answer:
    """Return the standard changes of every place by id: whether they are earned or suspended, and
    how often they succeeded.

    `from` and `to` limit the admissions that are counted.
    """
    found = await standard_changes.listing(gate, query.filters(), by, query.part())
    return page_answer(found, request)


@router.post(
    "/standard-changes/{standard_id:path}/reinstatement",
    response_model=StandardChangeAnswer,
    responses=documented(409),
)
async def reinstate_standard_change(
    standard_id: str, request: ActivationRequest, by: Reinstater, gate: GateDep
) -> Answer:
    """Lift a suspension. The successes since the last failure count as they stand."""
    return answer(await standard_changes.reinstate(gate, standard_id, request.comment, by))
