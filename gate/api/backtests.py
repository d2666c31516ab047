"""`/v1/backtests`: what other policies would have decided."""

from fastapi import APIRouter

from gate.api.http.answers import Answer, answer
from gate.api.http.permits import Checker, GateDep
from gate.api.http.route import GateRoute
from gate.api.models.acts import BacktestRequest
from gate.flow.answers.backtest import BacktestAnswer
from gate.flow.answers.written import named
from gate.flow.queries import backtest

router = APIRouter(prefix="/v1/backtests", tags=["policies"], route_class=GateRoute)


@router.post("", response_model=BacktestAnswer)
async def backtest_policies(request: BacktestRequest, by: Checker, gate: GateDep) -> Answer:
    """Decide the deployed changes of a time again by these policies, and compare with those in
    force by how the changes ended. Nothing is recorded.
    """
    return answer(named(await backtest.backtest(gate, request.command(), by)))
