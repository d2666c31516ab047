"""Reading of request bodies: strict JSON within limits, then the model.

A good body is parsed once. What orjson accepts silently (a key twice, a whole number that JSON
cannot carry exactly, a NUL, 1,000 levels) is looked for by fast scans of the bytes, which may only
err towards suspicion. A suspicious body is read again, slowly and exactly.
"""

import asyncio
import json
from collections.abc import Iterator
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from gate.api.http.faults import faults_of, pointer
from gate.core.facts import INTEGER_MAX
from gate.errors import BadRequest, Fault, Invalid, TooLarge

BODY_BYTES_MAX = 1024 * 1024
HOOK_BODY_BYTES_MAX = 25 * 1024 * 1024
"""Code hosts send so much in one delivery, and do not send a delivery again that was refused for
its size."""

HOOKS = "/v1/hooks/"
BODY_SECONDS_MAX = 30
DEPTH_MAX = 32
MEDIA_TYPE = "application/json"

ARRIVED = "gate.arrived"
"""The key in the scope that says that the whole body is here, so that reading it needs no time
limit."""

_BODY = "gate.body"

# 2^53, the largest number that JSON carries exactly, has as many digits.
_INTEGER_DIGITS = 16
_DIGITS_AS_ZERO = bytes.maketrans(b"0123456789", b"0000000000")
_LONG_NUMBER = b"0" * _INTEGER_DIGITS
_SHOWN_LENGTH = 60

Model = TypeVar("Model", bound=BaseModel)


async def body_of(request: Request) -> bytes:
    """Return the body of a request; it is read once and then kept in the scope."""
    known: bytes | None = request.scope.get(_BODY)
    if known is None:
        check_media_type(
            next(
                (value for name, value in request.scope["headers"] if name == b"content-type"), None
            )
        )
        read = _whole if ARRIVED in request.scope else read_body
        known = request.scope[_BODY] = await read(request.receive, BODY_BYTES_MAX)
    return known


def bytes_max(path: str) -> int:
    """Return how many bytes a body may have at this address."""
    return HOOK_BODY_BYTES_MAX if path.startswith(HOOKS) else BODY_BYTES_MAX


async def read_body(receive: Receive, limit_bytes: int = BODY_BYTES_MAX) -> bytes:
    """Return the whole body. Raises `TooLarge`, and 408 if it does not arrive in time."""
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            return await _whole(receive, limit_bytes)
    except TimeoutError:
        raise HTTPException(
            408,
            f"The body did not arrive within {BODY_SECONDS_MAX} s. Send it again.",
            headers={"Connection": "close"},
        ) from None


async def _whole(receive: Receive, limit_bytes: int) -> bytes:
    chunks = bytearray()
    while (message := await receive())["type"] == "http.request":
        chunks += message.get("body", b"")
        within_limit(len(chunks), limit_bytes)
        if not message.get("more_body"):
            return bytes(chunks)
    raise ClientDisconnect


def within_limit(size_bytes: int, limit_bytes: int) -> None:
    """Raise `TooLarge` for a body with more bytes than the limit."""
    if size_bytes > limit_bytes:
        raise TooLarge(f"The body has more than {limit_bytes} bytes, which is the limit.")


def check_media_type(value: bytes | None) -> None:
    """Raise for a body that is declared as anything but JSON in UTF-8, before it is read.

    A body without a declaration is taken for JSON.
    """
    if value is None or value == b"application/json":
        return
    kind, _, parameters = value.decode("latin-1").lower().partition(";")
    if kind.strip() != MEDIA_TYPE:
        raise HTTPException(
            415, f"The body is not declared as {MEDIA_TYPE}. Send `Content-Type: {MEDIA_TYPE}`."
        )
    charset = parameters.replace(" ", "").replace('"', "")
    if charset not in {"", "charset=utf-8", "charset=utf8"}:
        raise BadRequest("The body is declared in another charset; JSON is always UTF-8.")


def read_model(body: bytes, model: type[Model]) -> Model:
    """Return the body as a value of the model.

    Raises `BadRequest` for bad JSON and `Invalid` for another shape.
    """
    value = (
        {}
        if not body and not any(field.is_required() for field in model.model_fields.values())
        else strict_json(body)
    )
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = faults_of(error, model)
    raise Invalid(_headline(faults), faults=faults)


def strict_json(body: bytes) -> Any:
    """Return the value of a JSON text.

    Raises `BadRequest` for anything that two programs might read differently, because then the
    gate could approve something else than what another program deploys.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is no JSON: {error}.") from None
    if body.count(b"{") + body.count(b"[") > DEPTH_MAX and _is_deep(value, DEPTH_MAX):
        raise BadRequest(f"The body is nested deeper than {DEPTH_MAX} levels.")
    # A name ends with a colon. Written out again the value has as many colons as the body, unless a
    # name stood twice.
    if (
        b"\\u" in body
        or body.count(b":") != orjson.dumps(value).count(b":")
        or _LONG_NUMBER in body.translate(_DIGITS_AS_ZERO)
    ):
        json.loads(body, object_pairs_hook=_names_once, parse_int=_exact)
        _refuse_nul(value)
    return value


def _is_deep(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    if levels == 0:
        return True
    items = value.values() if isinstance(value, dict) else value
    return any(_is_deep(item, levels - 1) for item in items if isinstance(item, dict | list))


def _names_once(pairs: list[tuple[str, Any]]) -> None:
    """Raise for a name that stands twice. The values are not kept: this reading only checks."""
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise BadRequest(
                f"The name {json.dumps(name[:_SHOWN_LENGTH])} stands twice in one object of "
                "the body; send it once."
            )
        seen.add(name)


def _exact(digits: str) -> None:
    if len(digits) > _INTEGER_DIGITS + 1 or abs(int(digits)) > INTEGER_MAX:
        raise BadRequest(
            f"The body has the whole number {digits[:_SHOWN_LENGTH]}, which JSON does not "
            f"carry exactly; at most {INTEGER_MAX} is allowed."
        )


def _refuse_nul(value: Any) -> None:
    for path in _with_nul(value, ()):
        where = pointer(path)
        raise Invalid(
            "A text of the body has a NUL character, which no text may have.",
            faults=[Fault("has a NUL character", where)],
        )


def _with_nul(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, str):
        if "\0" in value:
            yield path
    elif isinstance(value, dict):
        for name, item in value.items():
            if "\0" in name:
                yield path
            yield from _with_nul(item, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _with_nul(item, (*path, index))


def _headline(faults: list[Fault]) -> str:
    first = faults[0]
    more = f" ({len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{first.where or '#'}: {first.detail}{more}"
