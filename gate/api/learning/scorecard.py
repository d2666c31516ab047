"""`/v1/scorecard`: flow, quality, stability and customer of each place."""

from typing import Annotated

from fastapi import APIRouter, Query

from gate.api.http.answers import Answer, answer
from gate.api.http.permits import GateDep, Reader
from gate.api.http.route import GateRoute
from gate.api.models.learning import ScorecardRequest
from gate.flow.answers.delivery import ScorecardAnswer
from gate.flow.answers.written import named
from gate.flow.learning import scorecard

router = APIRouter(prefix="/v1/scorecard", tags=["delivery"], route_class=GateRoute)


@router.get("", response_model=ScorecardAnswer)
async def read_scorecard(
    query: Annotated[ScorecardRequest, Query()], _: Reader, gate: GateDep
) -> Answer:
    """Return a card for each place, with the figures of the time before. Places are
    never added up.
    """
    return answer(named(await scorecard.cards(gate, query.query())))
