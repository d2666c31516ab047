"""`/v1/events`: what moved, as server-sent events.

Each event only names what a client should read again.
"""

from collections.abc import AsyncGenerator
from functools import partial

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gate.api.http.permits import READER, Reader, attached_to
from gate.api.http.route import GateRoute
from gate.flow.caller import Caller
from gate.flow.streams import IsLetIn, Streams

MEDIA_TYPE = "text/event-stream"
RETRY_MS = 1_000
"""After a broken stream a browser opens the next one so soon."""

router = APIRouter(prefix="/v1/events", tags=["operations"], route_class=GateRoute)


@router.get(
    "",
    response_class=StreamingResponse,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
)
async def listen(by: Reader, request: Request) -> Response:
    """Stream events `moved` with a list of topics: ids of changes, `freezes`, `decided`, or `*` for
    everything.
    """
    streams = attached_to(request).streams
    # Over a limit the answer is a problem, not a stream that breaks.
    streams.require_capacity(by)
    return StreamingResponse(
        _chunks(streams, by, partial(READER.still_admits, request)),
        media_type=MEDIA_TYPE,
        headers={"X-Accel-Buffering": "no"},
    )


async def _chunks(streams: Streams, by: Caller, is_let_in: IsLetIn) -> AsyncGenerator[bytes, None]:
    with streams.listening(by, is_let_in) as stream:
        yield b"retry: %d\n\n" % RETRY_MS
        async for topics in stream.messages():
            yield (
                b"event: moved\ndata: %s\n\n" % orjson.dumps(sorted(topics))
                if topics
                else b": still here\n\n"
            )
