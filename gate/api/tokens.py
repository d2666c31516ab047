"""`/v1/tokens`: API tokens with roles, and personal ones."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from gate.api.http.answers import Answer, answer, page_answer
from gate.api.http.permits import GateDep, TokenHolder
from gate.api.http.route import GateRoute
from gate.api.models.acts import TokenRequest
from gate.api.models.queries import PartQuery
from gate.flow.answers.person import TokenAnswer, TokenMadeAnswer
from gate.flow.commands import Page
from gate.flow.identity import tokens

router = APIRouter(prefix="/v1/tokens", tags=["tokens"], route_class=GateRoute)


@router.get("", response_model=Page[TokenAnswer])
async def list_tokens(
    query: Annotated[PartQuery, Query()], by: TokenHolder, gate: GateDep, request: Request
) -> Answer:
    """Return tokens without their secrets, newest first. People who are no admins see their own."""
    return page_answer(await tokens.listing(gate, by, query.part()), request)


@router.post("", status_code=201, response_model=TokenMadeAnswer)
async def create_token(request: TokenRequest, by: TokenHolder, gate: GateDep) -> Answer:
    """Create a token. Its text is shown only in this answer.

    People who are no admins can create personal tokens for themselves.
    """
    return answer(await tokens.create(gate, request.command(), by), 201)


@router.delete("/{token_id}", status_code=204)
async def revoke_token(token_id: str, by: TokenHolder, gate: GateDep) -> Response:
    """Revoke a token."""
    await tokens.revoke(gate, token_id, by)
    return Response(status_code=204)
