"""`/v1/hooks/github` and `/v1/hooks/gitlab`: what a code host tells by itself, proved by its
signature over the very bytes.
"""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from gate.api.hooks import DOCUMENTED, header, raw_body, taken
from gate.api.http.answers import Answer
from gate.api.http.body import HOOKS
from gate.api.http.permits import GateDep, parts_of
from gate.api.http.route import GateRoute
from gate.api.problems import documented
from gate.errors import NotFound
from gate.flow.gate import Gate
from gate.flow.webhooks import tidings

router = APIRouter(prefix=HOOKS.removesuffix("/"), tags=["hooks"], route_class=GateRoute)

SIGNED: dict[str, Any] = {
    **DOCUMENTED,
    "responses": {**documented(400, 401, 404, 408, 413, 422, 503)},
}


@router.post("/github", **SIGNED)
async def told_by_github(request: Request, gate: GateDep) -> Answer:
    """Webhooks of the GitHub App."""
    return await _told("github", request, gate)


@router.post("/gitlab", **SIGNED)
async def told_by_gitlab(request: Request, gate: GateDep) -> Answer:
    """Webhooks of GitLab projects and groups."""
    return await _told("gitlab", request, gate)


async def _told(source: str, request: Request, gate: Gate) -> Answer:
    hook = parts_of(request).hooks.get(source)
    if hook is None:
        raise NotFound(f"{source} is not connected to this gate")
    body = await raw_body(request)
    told = hook.read({name: header(request, name) for name in hook.headers}, body)
    because = told.ignored or (await tidings.ignored(gate, told.tiding) if told.tiding else "")
    if because:
        return await taken(gate, [], [because])
    await tidings.count(gate, told.tiding)
    return await taken(gate, tidings.delivery(source, told))
