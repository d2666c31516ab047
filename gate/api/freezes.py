"""`/v1/freezes` and `/v1/calendar`: when nothing may be deployed."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from gate.api.http.answers import Answer, answer, page_answer
from gate.api.http.permits import Freezer, GateDep, Lifter, Reader
from gate.api.http.route import GateRoute
from gate.api.models.acts import FreezeRequest
from gate.api.models.queries import CalendarQuery, PartQuery
from gate.api.problems import documented
from gate.flow.answers.calendar import ScheduleAnswer, WindowAnswer
from gate.flow.commands import Page
from gate.flow.policies import freezes
from gate.flow.queries import calendar

router = APIRouter(prefix="/v1", tags=["calendar"], route_class=GateRoute)


@router.get("/freezes", response_model=Page[WindowAnswer])
async def list_freezes(
    query: Annotated[PartQuery, Query()], by: Reader, gate: GateDep, request: Request
) -> Answer:
    """Return windows that people declared, and stopped lines, newest first."""
    return page_answer(await freezes.listing(gate, by, query.part()), request)


@router.post("/freezes", status_code=201, response_model=WindowAnswer)
async def add_freeze(request: FreezeRequest, by: Freezer, gate: GateDep) -> Answer:
    """Freeze now or later; with `stop`, stop the line."""
    return answer(await freezes.add(gate, request.command(), by), 201)


@router.delete("/freezes/{freeze_id}", response_model=WindowAnswer, responses=documented(409))
async def lift_freeze(freeze_id: str, by: Lifter, gate: GateDep) -> Answer:
    """Lift a window that a person made, or let the line run again."""
    return answer(await freezes.lift(gate, freeze_id, by))


@router.get("/calendar", response_model=ScheduleAnswer)
async def read_calendar(
    query: Annotated[CalendarQuery, Query()], _: Reader, gate: GateDep
) -> Answer:
    """Return what is frozen when, and the next opening."""
    return answer(
        await calendar.schedule(gate, query.begins, query.ends, query.service, query.environment)
    )
