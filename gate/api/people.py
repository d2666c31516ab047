"""`/v1/people`: people who may sign in, and their roles."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request

from gate.api.http.answers import Answer, answer, page_answer
from gate.api.http.permits import Admin, GateDep
from gate.api.http.route import GateRoute
from gate.api.models.people import InvitationRequest, PersonRequest
from gate.api.models.queries import PartQuery
from gate.api.problems import documented
from gate.flow.answers.person import InvitedAnswer, PersonAnswer
from gate.flow.commands import Page
from gate.flow.identity import people

router = APIRouter(prefix="/v1/people", tags=["people"], route_class=GateRoute)


@router.get("", response_model=Page[PersonAnswer])
async def list_people(
    query: Annotated[PartQuery, Query()], by: Admin, gate: GateDep, request: Request
) -> Answer:
    """Return everybody who was ever invited or disabled, newest first."""
    return page_answer(await people.listing(gate, by, query.part()), request)


_AGREEING: dict[int | str, dict[str, Any]] = {
    202: {
        "model": InvitedAnswer,
        "description": "The account is in use: another admin has to ask for the same",
    }
}


@router.post(
    "", status_code=201, response_model=InvitedAnswer, responses=_AGREEING | documented(409)
)
async def invite_person(request: InvitationRequest, by: Admin, gate: GateDep) -> Answer:
    """Let somebody in. Only this answer has their one-time link.

    The same request again makes a new link, and the old one is of no use then.

    A link to an account that is in use is given to the second admin who asks for it.
    """
    made = await people.invite(gate, request.command(), by)
    return answer(made.answer, 201 if made.is_complete else 202)


@router.patch("/{person}", response_model=PersonAnswer)
async def change_person(person: str, request: PersonRequest, by: Admin, gate: GateDep) -> Answer:
    """Change a person's role, or disable or enable the account. Nobody can do this to
    themselves.
    """
    return answer(await people.change(gate, person, request.command(), by))
