"""Answers as bytes: nothing is validated again on the way out."""

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gate.flow.answers.written import written
from gate.flow.commands import Page

JSON_TYPE = b"application/json"


class Answer(Response):
    """A whole body, ready to be sent."""

    def __init__(
        self,
        body: bytes,
        status: int = 200,
        *,
        media_type: bytes = JSON_TYPE,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [
            (b"content-type", media_type),
            (b"content-length", str(len(body)).encode()),
        ]
        for name, value in (headers or {}).items():
            self.raw_headers.append((name.lower().encode("latin-1"), value.encode("latin-1")))


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Return a value as an answer in JSON."""
    return Answer(written(value), status, headers=headers)


def page_answer(page: Page[Any], request: Request) -> Answer:
    """Return a part of a list, with a Link to the part after it."""
    return answer(page, headers=link_to(request, page.next))


def link_to(request: Request, cursor: str | None) -> Mapping[str, str] | None:
    """Return the header that links to the part after this one, or None for the last part."""
    if cursor:
        return {"Link": f'<{_with_cursor(request, cursor)}>; rel="next"'}
    return None


def stream_answer(
    chunks: AsyncIterator[bytes], media_type: str, *, file_name: str
) -> StreamingResponse:
    """Return an answer whose long body is made while it is sent.

    Each chunk is made only when the connection has taken the one before, so that a slow reader
    fills no memory.
    """
    return StreamingResponse(
        chunks,
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{file_name}"'},
    )


def with_member(body: bytes, name: str, value: str) -> bytes:
    """Return the JSON object in these bytes with one more member at its end.

    The bytes are not parsed, because a replayed answer must stay as it was.
    """
    return body[:-1] + b"," + orjson.dumps({name: value})[1:]


def _with_cursor(request: Request, cursor: str) -> str:
    """Return the address of the request with another cursor: without a host, which only the caller
    knows for certain.
    """
    given = [
        (name, value)
        for name, value in parse_qsl(request.scope["query_string"].decode("latin-1"))
        if name != "cursor"
    ]
    return quote(request.scope["path"], safe="/") + "?" + urlencode([*given, ("cursor", cursor)])
