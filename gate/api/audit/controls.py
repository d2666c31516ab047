"""`/v1/controls`: what auditors ask for, and what of the policies in force serves it."""

from fastapi import APIRouter

from gate.api.http.answers import Answer, answer
from gate.api.http.permits import GateDep, Reader
from gate.api.http.route import GateRoute
from gate.flow.answers.controls import ControlsAnswer
from gate.flow.audit import controls

router = APIRouter(prefix="/v1/controls", tags=["reports"], route_class=GateRoute)


@router.get("", response_model=ControlsAnswer)
async def read_controls(_: Reader, gate: GateDep) -> Answer:
    """Return the controls of SOC 2, ISO 27001, PCI DSS, NIST, DORA and FedRAMP, and those that
    policies name, each with the rules that serve it.
    """
    return answer(await controls.controls(gate))
