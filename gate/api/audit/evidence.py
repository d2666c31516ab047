"""What an auditor asks of one change: whether its decision follows from its record."""

from typing import Annotated

from fastapi import APIRouter, Query

from gate.api.http.answers import Answer, answer
from gate.api.http.permits import ChangeReader, GateDep
from gate.api.http.route import GateRoute
from gate.api.models.queries import ReplayQuery
from gate.flow.answers.replay import ReplayAnswer
from gate.flow.audit import replay

router = APIRouter(prefix="/v1/changes", tags=["changes"], route_class=GateRoute)


@router.get("/{change_id}/replay", response_model=ReplayAnswer)
async def replay_decision(
    change_id: str, query: Annotated[ReplayQuery, Query()], by: ChangeReader, gate: GateDep
) -> Answer:
    """Decide once more from the record alone: the same score, reasons and outcome, or each
    difference.
    """
    return answer(await replay.replayed(gate, change_id, query.decision, by))
