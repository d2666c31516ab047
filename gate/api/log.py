"""`/v1/log`: one row for each decision, and for each act where they are asked for, as a page or as
one long stream.
"""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from gate.api.formats import spreadsheet
from gate.api.http.answers import page_answer, stream_answer
from gate.api.http.permits import GateDep, Reader
from gate.api.http.route import GateRoute
from gate.api.models.queries import LogQuery
from gate.flow.answers.written import written_line
from gate.flow.commands import Page
from gate.flow.queries import log
from gate.flow.queries.log import RowAnswer

CHUNK_BYTES = 64 * 1024
NDJSON = "application/x-ndjson"
CSV = "text/csv; charset=utf-8; header=present"

router = APIRouter(prefix="/v1/log", tags=["log"], route_class=GateRoute)


@router.get(
    "",
    response_model=Page[RowAnswer],
    responses={
        200: {
            "content": {
                NDJSON: {"schema": {"type": "string"}},
                "text/csv": {"schema": {"type": "string"}},
            }
        }
    },
)
async def read_log(
    query: Annotated[LogQuery, Query()], by: Reader, gate: GateDep, request: Request
) -> Response:
    """Return the decision log, newest first. `ndjson` and `csv` stream every row that fits the
    filters.

    With `kind=all` the acts of people are listed among the decisions.
    """
    match query.format:
        case "csv":
            return stream_answer(
                chunked(spreadsheet.lines(log.stream(gate, query.filters(), query.part()))),
                CSV,
                file_name="log.csv",
            )
        case "ndjson":
            return stream_answer(
                chunked(_lines(log.stream(gate, query.filters(), query.part()))),
                NDJSON,
                file_name="log.ndjson",
            )
        case _:
            return page_answer(await log.page(gate, query.filters(), by, query.part()), request)


async def chunked(lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield these bytes in pieces worth sending."""
    piece = bytearray()
    async for line in lines:
        piece += line
        if len(piece) >= CHUNK_BYTES:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)


async def _lines(rows: AsyncIterator[RowAnswer]) -> AsyncIterator[bytes]:
    async for row in rows:
        yield written_line(row)
