"""`/v1/sightings`: deployments that other systems saw and that no admission explains."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from gate.api.http.answers import Answer, page_answer
from gate.api.http.permits import GateDep, Reader
from gate.api.http.route import GateRoute
from gate.api.models.incidents import SightingsQuery
from gate.flow.answers.sighting import SightingAnswer
from gate.flow.commands import Page
from gate.flow.queries import sightings

router = APIRouter(prefix="/v1/sightings", tags=["incidents"], route_class=GateRoute)


@router.get("", response_model=Page[SightingAnswer])
async def list_sightings(
    query: Annotated[SightingsQuery, Query()], by: Reader, gate: GateDep, request: Request
) -> Answer:
    """Return deployments that went past the gate, and those of repositories that the catalogue
    lacks, newest first.
    """
    return page_answer(await sightings.listing(gate, query.filters(), by, query.part()), request)
