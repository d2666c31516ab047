"""`/v1/hooks/github`, `/v1/hooks/gitlab` and `/v1/hooks/jira`: webhooks of code hosts and trackers,
authenticated by their signature over the exact bytes.
"""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from gate.api.hooks import DOCUMENTED, header, raw_body, taken
from gate.api.http.answers import Answer
from gate.api.http.body import HOOKS
from gate.api.http.permits import GateDep, attached_to
from gate.api.http.route import GateRoute
from gate.api.problems import documented
from gate.errors import NotFound
from gate.flow.gate import Gate
from gate.flow.webhooks import code_hosts

router = APIRouter(prefix=HOOKS.removesuffix("/"), tags=["hooks"], route_class=GateRoute)

SIGNED: dict[str, Any] = {
    **DOCUMENTED,
    "responses": {**documented(400, 401, 404, 408, 413, 422, 503)},
}


@router.post("/github", **SIGNED)
async def receive_github(request: Request, gate: GateDep) -> Answer:
    """Receive webhooks of the GitHub App."""
    return await _receive("github", request, gate)


@router.post("/gitlab", **SIGNED)
async def receive_gitlab(request: Request, gate: GateDep) -> Answer:
    """Receive webhooks of GitLab projects and groups."""
    return await _receive("gitlab", request, gate)


@router.post("/jira", **SIGNED)
async def receive_jira(request: Request, gate: GateDep) -> Answer:
    """Receive webhooks of Jira about issues, signed with the secret of the webhook."""
    return await _receive("jira", request, gate)


async def _receive(source: str, request: Request, gate: Gate) -> Answer:
    hook = attached_to(request).hooks.get(source)
    if hook is None:
        raise NotFound(f"{source} is not connected to this gate")
    body = await raw_body(request)
    delivery = hook.read({name: header(request, name) for name in hook.headers}, body)
    because = delivery.ignored or (
        await code_hosts.ignored(gate, delivery.report) if delivery.report else ""
    )
    if because:
        return await taken(gate, [], [because])
    await code_hosts.keep_pusher(gate, delivery.report)
    return await taken(gate, code_hosts.delivery(source, delivery))
