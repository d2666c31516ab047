"""`/v1/policies`: read, check, register, activate."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from gate.api.http.answers import Answer, answer, page_answer
from gate.api.http.permits import Activator, Admin, Checker, GateDep, Reader
from gate.api.http.route import GateRoute
from gate.api.models.acts import ActivationRequest, PoliciesRequest
from gate.api.models.open import SchemaAnswer
from gate.api.models.queries import PartQuery
from gate.api.problems import documented
from gate.core.policy.schema import schema
from gate.flow.answers.policy import PolicyCheckAnswer, PolicyFilesAnswer, PolicySetAnswer
from gate.flow.commands import Page
from gate.flow.policies import policies

router = APIRouter(prefix="/v1/policies", tags=["policies"], route_class=GateRoute)


@router.get("", response_model=Page[PolicySetAnswer])
async def list_policies(
    query: Annotated[PartQuery, Query()], by: Reader, gate: GateDep, request: Request
) -> Answer:
    """Return all policy sets that were registered, newest first."""
    return page_answer(await policies.listing(gate, by, query.part()), request)


@router.get("/schema", response_model=SchemaAnswer)
async def policy_schema() -> Answer:
    """Return the JSON Schema of a policy file, for editors."""
    return answer(schema())


@router.post("/check", response_model=PolicyCheckAnswer)
async def check_policies(request: PoliciesRequest, by: Checker, gate: GateDep) -> Answer:
    """Return whether these files could be registered; nothing is recorded."""
    return answer(await policies.check(gate, request.files, by))


@router.post("", status_code=201, response_model=PolicySetAnswer, responses=documented(409))
async def register_policies(request: PoliciesRequest, by: Admin, gate: GateDep) -> Answer:
    """Keep a policy set under its revision. It is in force only after its activation."""
    return answer(await policies.register(gate, request.files, by), 201)


@router.get("/{revision}", response_model=PolicyFilesAnswer)
async def read_policies(revision: str, _: Reader, gate: GateDep) -> Answer:
    """Return one policy set with its files: by its id, or the newest with a part of
    this revision.
    """
    return answer(await policies.read(gate, revision))


@router.post("/{revision}/activation", response_model=PolicySetAnswer, responses=documented(409))
async def activate_policies(
    revision: str, request: ActivationRequest, by: Activator, gate: GateDep
) -> Answer:
    """Put a policy set in force, by its id or by a revision that no other set has a part of.

    This takes an admin who is signed in, and who did not register the set with any token.
    """
    return answer(await policies.activate(gate, revision, request.comment, by))
