"""`/v1/services`: what runs where, what prevents deployments, and the verdict for controllers."""

from hashlib import sha256
from typing import Annotated

import orjson
from fastapi import APIRouter, Query
from starlette.requests import Request

from gate.api.http.answers import Answer, answer
from gate.api.http.permits import GateDep, PlaceReader
from gate.api.http.route import GateRoute
from gate.api.models.queries import VerdictRequest
from gate.flow.answers.place import PlaceAnswer
from gate.flow.answers.verdict import VerdictAnswer
from gate.flow.queries import look, verdict
from gate.flow.queries.verdict import KEPT_SECONDS

# Names of the catalogue may have slashes, which is why a part of these paths may have them too, and
# why the longer path stands first.
router = APIRouter(prefix="/v1/services", tags=["services"], route_class=GateRoute)


@router.get(
    "/{service:path}/environments/{environment:path}/verdict",
    response_model=VerdictAnswer,
    responses={304: {"description": "As the answer with that ETag."}},
)
async def read_verdict(
    service: str,
    environment: str,
    query: Annotated[VerdictRequest, Query()],
    by: PlaceReader,
    gate: GateDep,
    request: Request,
) -> Answer:
    """Return whether this commit or artifact may be deployed here, for controllers that poll.

    `success`: approved, or deployed and not superseded. `pending`: it waits, is held, or nobody
    submitted it yet. `failure`: rejected, expired, canceled, superseded by a later deployment,
    failed or rolled back. The newest change of the commit counts. The status is 200 for every
    phase, and nothing is written.
    """
    said = await verdict.verdict(gate, query.query(service, environment), by)
    body = orjson.dumps(said)
    tag = f'"{sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": f"max-age={KEPT_SECONDS}"}
    if tag in request.headers.get("if-none-match", ""):
        return Answer(b"", 304, headers=headers)
    return Answer(body, headers=headers)


@router.get("/{service:path}/environments/{environment:path}", response_model=PlaceAnswer)
async def read_place(service: str, environment: str, by: PlaceReader, gate: GateDep) -> Answer:
    """Return what runs in this environment of the service, what is in flight, and what holds
    changes.
    """
    return answer(await look.place(gate, service, environment, by))
