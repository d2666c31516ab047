"""`/v1/ledger`: the key by which an admission is verified."""

from fastapi import APIRouter

from gate.api.http.answers import Answer
from gate.api.http.permits import GateDep
from gate.api.http.route import GateRoute
from gate.api.problems import documented

router = APIRouter(prefix="/v1/ledger", tags=["ledger"], route_class=GateRoute)


@router.get("/key", responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **documented(503)})
async def verifier_key(gate: GateDep) -> Answer:
    """The verifier key, as `gate verify-admission --key` takes it. Keep a copy: it is what you check the gate by."""
    key = await gate.signing.require()
    return Answer(f"{key.verifier}\n".encode(), media_type=b"text/plain; charset=utf-8")
