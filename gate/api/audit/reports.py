"""`/v1/reports`: the questions that auditors ask, as JSON and as CSV."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from gate.api.formats.report import csv_lines
from gate.api.http.answers import Answer, answer
from gate.api.http.permits import GateDep, Reader
from gate.api.http.route import GateRoute
from gate.api.models.audit import ReportQuery
from gate.flow.answers.reports import ReportAnswer, ReportSummary
from gate.flow.audit import reports
from gate.flow.commands import Page

CSV = b"text/csv; charset=utf-8"

router = APIRouter(prefix="/v1/reports", tags=["reports"], route_class=GateRoute)


@router.get("", response_model=Page[ReportSummary])
async def list_reports(_: Reader) -> Answer:
    """Return every report, with the question that it answers."""
    return answer(Page(list(reports.listing()), next=None))


@router.get(
    "/{name}",
    response_model=ReportAnswer,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def read_report(
    name: str, query: Annotated[ReportQuery, Query()], _: Reader, gate: GateDep
) -> Response:
    """Return one report. The same parameters give the same rows and the same digest to
    everybody.
    """
    found = await reports.report(gate, name, query.question())
    if query.format == "json":
        return answer(found)
    file = f'attachment; filename="{found.name}.csv"'
    return Answer(csv_lines(found), media_type=CSV, headers={"Content-Disposition": file})
