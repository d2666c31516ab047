"""`/v1/changes`: submit, read, admit, close, cancel."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from structlog.contextvars import bind_contextvars

from gate.api.http.answers import Answer, answer, page_answer, with_member
from gate.api.http.body import body_of
from gate.api.http.permits import (
    Admitter,
    Canceler,
    ChangeReader,
    Closer,
    GateDep,
    Lent,
    PlaceReader,
    Submitter,
)
from gate.api.http.route import GateRoute
from gate.api.http.waiting import while_connected
from gate.api.models.change import (
    AdmissionRequest,
    CancellationRequest,
    ChangeRequest,
    ClosureRequest,
)
from gate.api.models.queries import ChangesQuery, PartQuery, WaitQuery
from gate.api.problems import documented
from gate.core.canonical import digest
from gate.core.change import Result
from gate.errors import Fault, Invalid
from gate.flow.answers.change import ChangeAnswer, SubmittedAnswer
from gate.flow.answers.decision import DecisionAnswer
from gate.flow.caller import Caller
from gate.flow.changes import admit, cancel, close, submit
from gate.flow.changes.join import Submitted
from gate.flow.commands import IdempotencyKey, Page
from gate.flow.gate import Gate
from gate.flow.identity.change_tokens import change_token
from gate.flow.lent import lend
from gate.flow.queries import look
from gate.ledger.statement import SignedEnvelope

PENDING_RETRY_SECONDS = 10
"""The value of `Retry-After` while a change is pending."""

# The key is taken with or without quotation marks, because clients send both. A quotation mark or a
# backslash inside it is refused: it would need an escape, and one key could be written in two ways.
_KEY = re.compile(rb'(?P<quote>"?)(?P<key>[!#-\[\]-~][ !#-\[\]-~]{0,254})(?P=quote)')
_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A text of your own, kept for 24 hours: the same key and body get the first "
    "answer again.",
    "schema": {"type": "string", "maxLength": 255},
}
_SUBMIT_HEADERS = {
    "Location": {"description": "The change.", "schema": {"type": "string"}},
    "Retry-After": {
        "description": "While pending: ask again after so many seconds.",
        "schema": {"type": "integer"},
    },
    "Idempotent-Replayed": {
        "description": "`true` when this is the first answer again.",
        "schema": {"type": "string"},
    },
}
_SHOWN = {"subject_digest": "$response.body#/subject_digest"}
_DEPLOYED = {"id": "$response.body#/run/id"}
_ADMITTED = {name: f"$response.body#/{name}" for name in ("commit", "artifacts", "environment")} | {
    "run": _DEPLOYED
}


def _link(act: str, body: dict[str, Any] | None = None, method: str = "post") -> dict[str, Any]:
    """Return an OpenAPI link from the answer of a submit to one act on its change.

    `~1` stands for a slash, because the address is part of a JSON pointer.
    """
    link = {
        "operationRef": f"#/paths/~1v1~1changes~1{{change_id}}{act}/{method}",
        "parameters": {"change_id": "$response.body#/id"},
    }
    return link if body is None else {**link, "requestBody": body}


_SUBMIT_LINKS = {
    "read": _link("", method="get"),
    "approve": _link("~1approvals", _SHOWN),
    "reject": _link("~1rejections", _SHOWN),
    "admit": _link("~1admission", _ADMITTED),
    "close": _link("~1closure", {"result": Result.SUCCESSFUL.value, "run": _DEPLOYED}),
    "cancel": _link("~1cancellation"),
}
"""The acts that may follow a submit, for readers and tools of the OpenAPI document."""

router = APIRouter(prefix="/v1/changes", tags=["changes"], route_class=GateRoute)


async def idempotency_key(request: Request) -> IdempotencyKey | None:
    """Return the caller's idempotency key with the digest of the body, or None if none was sent.

    The digest is kept with the key, because the same key with another body is a mistake of the
    caller and is refused.
    """
    given = [value for name, value in request.scope["headers"] if name == b"idempotency-key"]
    if not given:
        return None
    found = _KEY.fullmatch(given[0])
    if len(given) > 1 or found is None:
        raise Invalid(
            "Idempotency-Key is not one text of 1 to 255 printable characters.",
            faults=[Fault("not a key", "header Idempotency-Key")],
        )
    return IdempotencyKey(found["key"].decode(), digest(await body_of(request)))


Key = Annotated[IdempotencyKey | None, Depends(idempotency_key)]


@router.post(
    "",
    status_code=201,
    response_model=SubmittedAnswer,
    response_description="A new change",
    responses={
        200: {
            "model": SubmittedAnswer,
            "description": "A change that was there already: the same run or key asked again",
            "headers": _SUBMIT_HEADERS,
            "links": _SUBMIT_LINKS,
        },
        201: {"headers": _SUBMIT_HEADERS, "links": _SUBMIT_LINKS},
    },
    openapi_extra={"parameters": [_KEY_PARAMETER]},
)
async def submit_change(
    request: ChangeRequest, by: Submitter, gate: GateDep, key: Key, lent: Lent
) -> Answer:
    """Decide whether this change may go to this environment. The answer comes only when it is
    durable.

    The header `Gate-Host-Token`, sent beside an identity token, lends the job's own token: the code
    host is asked with it, for this request alone.
    """
    asked = submit.submit(lend(gate, by, lent), request.change(by), by, key)
    return _submitted(gate, await asked, by)


@router.get("", response_model=Page[ChangeAnswer])
async def list_changes(
    query: Annotated[ChangesQuery, Query()], by: PlaceReader, gate: GateDep, request: Request
) -> Answer:
    """Return changes, newest first. A pipeline sees those of its services."""
    return page_answer(await look.changes(gate, query.filters(), by, query.part()), request)


@router.get("/{change_id}", response_model=ChangeAnswer)
async def read_change(
    change_id: str,
    query: Annotated[WaitQuery, Query()],
    by: ChangeReader,
    gate: GateDep,
    request: Request,
) -> Answer:
    """Return one change. With `wait`, the answer comes as soon as it is no longer pending."""
    return answer(await while_connected(request, look.change(gate, change_id, by, query.wait)))


@router.get("/{change_id}/decisions", response_model=Page[DecisionAnswer])
async def list_decisions(
    change_id: str,
    query: Annotated[PartQuery, Query()],
    by: ChangeReader,
    gate: GateDep,
    request: Request,
) -> Answer:
    """Return the decisions of a change with all their facts, newest first. The first one is in
    force.
    """
    return page_answer(await look.decisions(gate, change_id, by, query.part()), request)


@router.post("/{change_id}/admission", response_model=SignedEnvelope, responses=documented(409))
async def admit_change(
    change_id: str, request: AdmissionRequest, by: Admitter, gate: GateDep, lent: Lent
) -> Answer:
    """Check the change one last time, immediately before the deployment, which begins with the
    answer.

    The same run gets the same answer again. If the change was approved automatically by facts of
    the code host that are older than 10 minutes, these are needed again: `Gate-Host-Token`, sent
    beside an identity token, lends the job's own token for that.
    """
    lending = lend(gate, by, lent)
    return answer(await admit.admit(lending, change_id, request.command(by), by))


@router.post("/{change_id}/closure", response_model=ChangeAnswer, responses=documented(409))
async def close_change(
    change_id: str, request: ClosureRequest, by: Closer, gate: GateDep
) -> Answer:
    """Record how the deployment ended. A later report of the same run may only make it worse."""
    return answer(await close.close(gate, change_id, request.command(by), by))


@router.post("/{change_id}/cancellation", response_model=ChangeAnswer, responses=documented(409))
async def cancel_change(
    change_id: str, request: CancellationRequest, by: Canceler, gate: GateDep
) -> Answer:
    """Withdraw a change that is not deploying yet."""
    return answer(await cancel.cancel(gate, change_id, request.comment or "", by))


def _submitted(gate: Gate, submitted: Submitted, by: Caller) -> Answer:
    bind_contextvars(change=submitted.change_id)
    headers = {"Location": f"/v1/changes/{submitted.change_id}"}
    if submitted.pending:
        headers["Retry-After"] = str(PENDING_RETRY_SECONDS)
    if submitted.replayed:
        headers["Idempotent-Replayed"] = "true"
    token = change_token(gate.secrets.change_tokens, submitted.change_id, by)
    body = with_member(submitted.body, "change_token", token)
    return Answer(body, submitted.status, headers=headers)
