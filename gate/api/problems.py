"""Errors as problem documents (RFC 9457): the one place where an exception becomes an answer."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from gate.api.http.answers import Answer
from gate.errors import GateError, RateLimited, Unauthenticated, Unavailable

MEDIA_TYPE = b"application/problem+json"
TYPE = "urn:gate:problem:"
INSTANCE = "urn:gate:request:"


class FaultAnswer(BaseModel):
    """One thing that is wrong, and where: a JSON pointer, or `file:line:column`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    detail: str
    pointer: str


class ProblemAnswer(BaseModel):
    """A problem document (RFC 9457). `type` is `urn:gate:problem:` and a name."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Problem")

    type: Annotated[str, Field(pattern="^urn:gate:problem:[a-z_]+$")]
    title: str
    status: int
    detail: str
    instance: Annotated[
        str,
        Field(
            description="`urn:gate:request:` and the id of the request, as in `X-Request-Id` and "
            "the log"
        ),
    ]
    errors: list[FaultAnswer] = []


_TITLES: Mapping[str, str] = MappingProxyType(
    {
        "bad_json": "The body is not the JSON it should be",
        "bad_cursor": "The cursor is not one of this list",
        "unauthenticated": "A valid token is needed",
        "not_allowed": "This caller may not do this",
        "separation_of_duties": "Somebody else has to do this",
        "identity_mismatch": "The request names another identity than the token",
        "not_found": "There is nothing here",
        "method_not_allowed": "This address does not take this method",
        "request_timeout": "The request took too long to arrive",
        "state_conflict": "The change has moved on",
        "subject_mismatch": "This is not what was approved",
        "expired": "The approval has expired",
        "not_approved": "The change is not approved",
        "frozen": "Nothing may be deployed there now",
        "outside_window": "This is not the planned time",
        "conflict": "Another change is in the way",
        "consumed": "The approval was used already",
        "stale_decision": "The facts have moved on since the decision",
        "too_large": "The request is too large",
        "unsupported_media_type": "The body is of a kind that is not read here",
        "invalid": "The request cannot be understood",
        "key_reused": "The key was used for something else",
        "rate_limited": "Too many requests",
        "internal_server_error": "Something went wrong here",
        "busy": "The gate cannot decide safely now",
        "storage_full": "The storage is full",
        "signing_unavailable": "The signing key is not there",
    }
)
"""A title belongs to a problem and not to its occurrence."""

_HTTP_DETAILS: Mapping[int, str] = MappingProxyType(
    {
        404: "No such address. The addresses are in /openapi.json.",
        405: "This address exists, but not for this method; `Allow` names those it takes.",
    }
)
_UNEXPECTED = (
    "The gate failed in a way nobody planned. Nothing was approved by it. Its operator finds "
    "the cause in the log under this id."
)


def problem_of(error: Exception, request_id: str) -> Answer:
    """Return the problem document for the caller.

    Of an unexpected error it shows nothing but the id under which it is logged.
    """
    name = problem_name(error)
    if isinstance(error, GateError):
        errors = [{"detail": fault.detail, "pointer": fault.where} for fault in error.faults]
        return _answer(
            error.status, name, error.detail, request_id, errors=errors, headers=_headers(error)
        )
    if isinstance(error, HTTPException):
        status = HTTPStatus(error.status_code)
        detail = _HTTP_DETAILS.get(status) or error.detail
        return _answer(status, name, detail, request_id, headers=error.headers)
    return _answer(500, name, _UNEXPECTED, request_id)


def problem_name(error: Exception) -> str:
    """Return the last word of the problem's type."""
    if isinstance(error, GateError):
        return error.problem
    return HTTPStatus(error.status_code if isinstance(error, HTTPException) else 500).name.lower()


def is_planned(error: Exception) -> bool:
    """Return whether the error was raised on purpose. Any other is for the log."""
    return isinstance(error, GateError | HTTPException)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the problems of an operation, for its OpenAPI document."""
    content = {MEDIA_TYPE.decode(): {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in sorted(statuses)
    }


def _headers(error: GateError) -> dict[str, str]:
    if isinstance(error, Unavailable):
        return {"Retry-After": str(error.retry_after_seconds)}
    if isinstance(error, RateLimited):
        return {"Retry-After": "1"}
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": f'{error.challenge} realm="gate"'}
    return {}


def _answer(
    status: int,
    name: str,
    detail: str,
    request_id: str,
    *,
    errors: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    document: dict[str, Any] = {
        "type": TYPE + name,
        "title": _TITLES.get(name, HTTPStatus(status).phrase),
        "status": status,
        "detail": detail,
        "instance": INSTANCE + request_id,
    }
    if errors:
        document["errors"] = errors
    return Answer(orjson.dumps(document), status, media_type=MEDIA_TYPE, headers=headers)
