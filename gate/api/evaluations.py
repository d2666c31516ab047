"""`/v1/evaluations`: what would be decided."""

from fastapi import APIRouter

from gate.api.http.answers import Answer, answer
from gate.api.http.permits import Evaluator, GateDep, Lent
from gate.api.http.route import GateRoute
from gate.api.models.change import ChangeRequest
from gate.flow.answers.decision import EvaluationAnswer
from gate.flow.changes import evaluate
from gate.flow.lent import lend

router = APIRouter(prefix="/v1/evaluations", tags=["evaluations"], route_class=GateRoute)


@router.post("", response_model=EvaluationAnswer)
async def evaluate_change(
    request: ChangeRequest, by: Evaluator, gate: GateDep, lent: Lent
) -> Answer:
    """Return what a submit would be answered. Nothing is recorded."""
    return answer(await evaluate.evaluate_change(lend(gate, by, lent), request.change(by), by))
