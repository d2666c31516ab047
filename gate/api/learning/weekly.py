"""`/v1/weekly`: the pack of one week, as JSON and as Markdown, and the changes that waited."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from gate.api.formats.markdown import markdown
from gate.api.http.answers import Answer, answer
from gate.api.http.permits import GateDep, Reader
from gate.api.http.route import GateRoute
from gate.api.models.learning import WaitsRequest, WeekRequest
from gate.flow.answers.insights.week import WaitsAnswer, WeekAnswer
from gate.flow.answers.written import named
from gate.flow.learning import weeks
from gate.flow.learning.week_in_words import digest

MARKDOWN = b"text/markdown; charset=utf-8"

router = APIRouter(prefix="/v1/weekly", tags=["delivery"], route_class=GateRoute)


@router.get(
    "",
    response_model=WeekAnswer,
    responses={200: {"content": {"text/markdown": {"schema": {"type": "string"}}}}},
)
async def read_week(query: Annotated[WeekRequest, Query()], _: Reader, gate: GateDep) -> Response:
    """What failed and why, what waited for whom, what is overdue, and what to improve next.

    A week is that of ISO 8601 in the time zone of the calendar. One that is over is read as of its
    end.
    """
    found = await weeks.pack(gate, query.query())
    if query.format == "markdown":
        return Answer(markdown(digest(found, gate.base_url)).encode(), media_type=MARKDOWN)
    return answer(named(found))


@router.get("/waits", response_model=WaitsAnswer)
async def read_waits(query: Annotated[WaitsRequest, Query()], _: Reader, gate: GateDep) -> Answer:
    """The changes that people decided in a week, those that had waited longest in front."""
    return answer(await weeks.waits_of(gate, query.filters()))
