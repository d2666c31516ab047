"""`/v1/hooks`: what other systems tell. Who says so is proved first; then it is written down, answered, and worked on later."""

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.requests import Request

from gate.api.answers import Answer, answer
from gate.api.body import HOOK_BODY_BYTES_MAX, HOOKS, read_body
from gate.api.models.hooks import TakenView
from gate.api.problems import documented
from gate.api.route import GateRoute
from gate.flow import inbox
from gate.flow.gate import Gate
from gate.storage.inbox import Delivery

TAKEN = 202

router = APIRouter(prefix=HOOKS.removesuffix("/"), tags=["hooks"], route_class=GateRoute)

DOCUMENTED = {"status_code": TAKEN, "response_model": TakenView, "responses": documented(400, 408, 413, 422, 503)}
"""What every hook answers, for its route: `@router.post("/name", **DOCUMENTED)`."""


async def raw_body(request: Request) -> bytes:
    """The very bytes that were sent, of whatever type they are: a signature is over these. Up to `HOOK_BODY_BYTES_MAX`."""
    return await read_body(request.receive, HOOK_BODY_BYTES_MAX)


def header(request: Request, name: str) -> str | None:
    """The one value of a header; None where it is absent or stands more than once."""
    wanted = name.lower().encode()
    given = [value for key, value in request.scope["headers"] if key == wanted]
    return str(given[0], "latin-1") if len(given) == 1 else None


async def taken(gate: Gate, deliveries: Sequence[Delivery], ignored: Sequence[str] = ()) -> Answer:
    """Written down durably, each once; the sender need not send it again. `ignored` says why of something nothing will be done."""
    new = await inbox.receive(gate, deliveries)
    return answer({"taken": new, "known": len(deliveries) - new, "ignored": list(ignored)}, TAKEN)
