"""Reads CloudEvents 1.0 over HTTP: binary, structured and batched."""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from gate.errors import BadRequest, Invalid
from gate.integrations.http import foreign
from gate.integrations.http.foreign import json_of

BATCH_MAX = 256
STRUCTURED = "application/cloudevents"
BATCHED = "application/cloudevents-batch"
PREFIX = "ce-"
HEADERS = tuple(f"{PREFIX}{name}" for name in ("specversion", "id", "source", "type"))
SPEC_VERSIONS = ("1.0",)


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """One event. Two with the same `source` and `id` are the same one."""

    id: str
    source: str
    type: str
    data: Any


def read(
    content_type: str | None, headers: Mapping[str, str | None], body: bytes
) -> list[CloudEvent]:
    """Return the events of one request. `headers` are those of `HEADERS`, by their names in lower
    case.

    A body that is a whole CDEvent needs no headers. Raises `BadRequest` and `Invalid`.
    """
    kind = (content_type or "").strip().lower()
    if kind.startswith(BATCHED):
        found = json_of(body)
        if not isinstance(found, list) or len(found) > BATCH_MAX:
            size = f"{len(found)} events" if isinstance(found, list) else "no list"
            raise Invalid(
                f"a batch is a JSON list of at most {BATCH_MAX} events, found {size}; send fewer"
            )
        return [_structured(one) for one in found]
    if kind.startswith(STRUCTURED):
        return [_structured(json_of(body))]
    if headers.get("ce-specversion") is None:
        event = json_of(body)
        return [CloudEvent(*_names(event, "context"), event)]
    return [_binary(headers, body)]


def _structured(event: Any) -> CloudEvent:
    _check_version(foreign.name(event, "specversion"))
    data = event.get("data")
    if data is None and isinstance(event.get("data_base64"), str):
        data = json_of(_decoded_base64(event["data_base64"]))
    return CloudEvent(*_names(event), data)


def _decoded_base64(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise BadRequest("data_base64 is no Base64.") from None


def _binary(headers: Mapping[str, str | None], body: bytes) -> CloudEvent:
    given = {
        name.removeprefix(PREFIX): _decoded(value)
        for name, value in headers.items()
        if name.startswith(PREFIX) and value is not None
    }
    _check_version(foreign.name(given, "specversion"))
    return CloudEvent(*_names(given), json_of(body))


def _names(attributes: Any, *where: str) -> tuple[str, str, str]:
    """Return the id, the source and the type of an event, which stand under `where`."""
    return (
        foreign.name(attributes, *where, "id"),
        foreign.name(attributes, *where, "source"),
        foreign.name(attributes, *where, "type"),
    )


def _decoded(value: str) -> str:
    """Return the value without quotes, percent-decoded once."""
    quoted = len(value) > 1 and value[0] == value[-1] == '"'
    try:
        return unquote_to_bytes(value[1:-1] if quoted else value).decode()
    except UnicodeDecodeError:
        raise BadRequest(
            f"A header of the event is no UTF-8 once it is decoded: {value[:60]!r}."
        ) from None


def _check_version(version: str) -> None:
    if version not in SPEC_VERSIONS:
        raise Invalid(f"specversion: found {version[:20]}, allowed is {SPEC_VERSIONS[0]}")
