"""`/v1/hooks`: reports of other systems.

The sender is authenticated first. Then the report is stored, the sender is answered, and the report
is processed later.
"""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from gate.api.http.answers import Answer, answer
from gate.api.http.body import HOOK_BODY_BYTES_MAX, HOOKS, read_body
from gate.api.http.permits import AlertSender, CdeventsSender, GateDep
from gate.api.http.route import GateRoute
from gate.api.problems import documented
from gate.core.messages.reports import DeploymentReport, IncidentReport
from gate.flow.answers.hook import TakenAnswer
from gate.flow.caller import Caller
from gate.flow.gate import Gate
from gate.flow.incidents import incidents, observe
from gate.flow.webhooks import bound, inbox
from gate.flow.webhooks.bound import Heard
from gate.integrations import alertmanager, pagerduty
from gate.integrations.cdevents import cloudevents
from gate.integrations.cdevents import incoming as cdevents
from gate.storage.messages.inbox import InboxDelivery

TAKEN = 202

router = APIRouter(prefix=HOOKS.removesuffix("/"), tags=["hooks"], route_class=GateRoute)

DOCUMENTED: dict[str, Any] = {
    "status_code": TAKEN,
    "response_model": TakenAnswer,
    "responses": documented(400, 408, 413, 422, 503),
}
"""The answers of every hook, for its route: `@router.post("/name", **DOCUMENTED)`."""


SIGNED: dict[str, Any] = {**DOCUMENTED, "responses": documented(400, 401, 404, 408, 413, 422, 503)}
"""The answers of a hook whose signature is checked."""


@router.post("/cdevents", **DOCUMENTED)
async def receive_cdevents(request: Request, by: CdeventsSender, gate: GateDep) -> Answer:
    """Receive CDEvents as CloudEvents: binary, structured, or a batch. A CDEvent alone is accepted
    too.
    """
    headers = {name: header(request, name) for name in cloudevents.HEADERS}
    sent = cloudevents.read(header(request, "content-type"), headers, await raw_body(request))
    read = [(cdevents.named(event), cdevents.read(event)) for event in sent]
    reports = [(name, report) for name, report in read if not isinstance(report, str)]
    ignored = [because for _, because in read if isinstance(because, str)]
    heard = await bound.hear(gate, reports, by)
    return await taken(gate, _deliveries(heard, by), [*ignored, *heard.ignored])


@router.post("/alertmanager", **DOCUMENTED)
async def receive_alertmanager(request: Request, by: AlertSender, gate: GateDep) -> Answer:
    """Receive Alertmanager's webhook, with a token of role `hook` and kind `alertmanager` in its
    `http_config`.
    """
    notification = alertmanager.read(await raw_body(request))
    reports = [(f"{notification.named} {k}", one) for k, one in enumerate(notification.incidents)]
    heard = await bound.hear(gate, reports, by)
    return await taken(gate, _deliveries(heard, by), [*notification.ignored, *heard.ignored])


@router.post("/pagerduty", **SIGNED)
async def receive_pagerduty(request: Request, gate: GateDep) -> Answer:
    """Receive PagerDuty's webhook, version 3, authenticated by its signature over the
    exact bytes.
    """
    body = await raw_body(request)
    pagerduty.check(
        gate.hook_secrets.get(pagerduty.SOURCE, b""), header(request, pagerduty.SIGNATURE), body
    )
    event = pagerduty.read(body)
    if event.incident is None:
        return await taken(gate, [], [event.ignored])
    return await taken(gate, [_delivery(event.incident, event.id, pagerduty.SOURCE)])


async def raw_body(request: Request) -> bytes:
    """Return the exact bytes that were sent, of whatever type, because signatures are over these.

    At most `HOOK_BODY_BYTES_MAX` are accepted.
    """
    return await read_body(request.receive, HOOK_BODY_BYTES_MAX)


def header(request: Request, name: str) -> str | None:
    """Return the one value of a header, or None if it is absent or occurs more than once."""
    wanted = name.lower().encode()
    given = [value for key, value in request.scope["headers"] if key == wanted]
    return str(given[0], "latin-1") if len(given) == 1 else None


async def taken(
    gate: Gate, deliveries: Sequence[InboxDelivery], ignored: Sequence[str] = ()
) -> Answer:
    """Store the deliveries durably, each once, and return the answer to their sender.

    `ignored` says about which reports nothing will be done, and why.
    """
    new = await inbox.receive(gate, deliveries)
    return answer(TakenAnswer(new, len(deliveries) - new, tuple(ignored)), TAKEN)


def _deliveries(heard: Heard, by: Caller) -> list[InboxDelivery]:
    return [_delivery(one, name, by.caller) for name, one in heard.taken]


def _delivery(report: IncidentReport | DeploymentReport, named: str, caller: str) -> InboxDelivery:
    if isinstance(report, DeploymentReport):
        return observe.delivery(report, named=named, caller=caller)
    return incidents.delivery(report, named=named, caller=caller)
