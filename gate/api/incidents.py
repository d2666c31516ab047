"""`/v1/incidents`: what broke, and which changes it is put down to."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request

from gate.api.http.answers import Answer, answer, page_answer
from gate.api.http.permits import GateDep, IncidentLinker, IncidentReporter, Reader
from gate.api.http.route import GateRoute
from gate.api.models.incidents import (
    IncidentRequest,
    IncidentsQuery,
    LinkRequest,
    UnlinkRequest,
)
from gate.api.problems import documented
from gate.errors import Invalid
from gate.flow.answers.incident import IncidentAnswer
from gate.flow.commands import Page
from gate.flow.incidents import incidents, ties
from gate.flow.incidents.incidents import Reported
from gate.flow.queries import incidents as incident_list

router = APIRouter(prefix="/v1/incidents", tags=["incidents"], route_class=GateRoute)

_KNOWN: dict[int | str, dict[str, Any]] = {
    200: {"model": IncidentAnswer, "description": "It was there already"}
}


@router.get("", response_model=Page[IncidentAnswer])
async def list_incidents(
    query: Annotated[IncidentsQuery, Query()], by: Reader, gate: GateDep, request: Request
) -> Answer:
    """Return incidents with the changes to which they are tied, newest first."""
    return page_answer(
        await incident_list.listing(gate, query.filters(), by, query.part()), request
    )


@router.post(
    "", status_code=201, response_model=IncidentAnswer, responses=_KNOWN | documented(404, 409)
)
async def report_incident(request: IncidentRequest, by: IncidentReporter, gate: GateDep) -> Answer:
    """Record a new incident, or an update of one: a report with the same `id` is about the same
    incident.
    """
    return _answered(await incidents.report(gate, request.report(), by))


@router.post(
    "/{incident_id}/links",
    status_code=201,
    response_model=IncidentAnswer,
    responses=_KNOWN | documented(409),
)
async def add_link(
    incident_id: str, request: LinkRequest, by: IncidentLinker, gate: GateDep
) -> Answer:
    """Put it down to a change, or confirm a link that the gate found by the time."""
    return _answered(await ties.link(gate, incident_id, request.change, request.reason, by))


@router.delete(
    "/{incident_id}/links/{link_id}", response_model=IncidentAnswer, responses=documented(409)
)
async def remove_link(
    incident_id: str,
    link_id: str,
    request: UnlinkRequest,
    query: Annotated[UnlinkRequest, Query()],
    by: IncidentLinker,
    gate: GateDep,
) -> Answer:
    """Remove the link of an incident to a change, and correct every figure that counted it.

    The reason is given in the body or in the address.
    """
    reason = request.reason or query.reason
    if reason is None:
        raise Invalid("a link is removed for a reason; send `reason`")
    return answer(await ties.unlink(gate, incident_id, link_id, reason, by))


def _answered(reported: Reported) -> Answer:
    return answer(reported.answer, 201 if reported.is_new else 200)
