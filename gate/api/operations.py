"""Endpoints for operators: liveness, readiness and metrics."""

from fastapi import APIRouter

from gate.api.http.answers import Answer, answer
from gate.api.http.permits import AnyToken, GateDep
from gate.api.http.route import GateRoute
from gate.flow.answers.upkeep import HealthAnswer, ReadyAnswer
from gate.flow.queries import upkeep
from gate.metrics import CONTENT_TYPE

UNREADY_RETRY_SECONDS = 5

router = APIRouter(tags=["operations"], route_class=GateRoute)


@router.get("/healthz", response_model=HealthAnswer)
async def healthz() -> Answer:
    """Answer as long as the process is alive."""
    return answer(HealthAnswer("ok"))


@router.get(
    "/readyz",
    response_model=ReadyAnswer,
    responses={503: {"model": ReadyAnswer, "description": "It cannot decide now"}},
)
async def readyz(gate: GateDep) -> Answer:
    """Return whether this server can decide, and if not, why.

    A server that decides may have problems, too: then nothing is admitted.
    """
    unready, lacking = await upkeep.ready(gate), await upkeep.lacking(gate)
    if unready:
        return answer(
            ReadyAnswer("unready", [*unready, *lacking]),
            503,
            {"Retry-After": str(UNREADY_RETRY_SECONDS)},
        )
    return answer(ReadyAnswer("ready", lacking))


@router.get(
    "/metrics", responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
)
async def metrics(_: AnyToken, gate: GateDep) -> Answer:
    """Return metrics for Prometheus."""
    return Answer(gate.metrics.exposition(), media_type=CONTENT_TYPE.encode())
