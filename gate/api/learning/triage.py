"""`/v1/triage`: what somebody has to look after now."""

from typing import Annotated

from fastapi import APIRouter, Query

from gate.api.http.answers import Answer, answer
from gate.api.http.permits import GateDep, Reader
from gate.api.http.route import GateRoute
from gate.api.models.learning import TriageRequest
from gate.flow.answers.insights.concern import TriageAnswer
from gate.flow.learning.triage import triage

router = APIRouter(prefix="/v1/triage", tags=["delivery"], route_class=GateRoute)


@router.get("", response_model=TriageAnswer)
async def read_triage(query: Annotated[TriageRequest, Query()], _: Reader, gate: GateDep) -> Answer:
    """Incidents without a change, failures without a review, overdue reviews, changes that age and
    failures that recur: each with its owners, and where it is mended.
    """
    return answer(await triage(gate, query.kind))
