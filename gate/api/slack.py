"""`/v1/hooks/slack`: buttons that somebody pressed, authenticated by Slack's signature over the
exact bytes.
"""

from fastapi import APIRouter
from starlette.requests import Request

from gate.api.hooks import header, raw_body
from gate.api.http.answers import Answer, answer
from gate.api.http.body import HOOKS
from gate.api.http.permits import GateDep
from gate.api.http.route import GateRoute
from gate.api.problems import documented
from gate.errors import NotFound
from gate.flow.answers.hook import TakenAnswer
from gate.flow.notifications import chat

router = APIRouter(prefix=HOOKS.removesuffix("/"), tags=["hooks"], route_class=GateRoute)


@router.post(
    "/slack", response_model=TakenAnswer, responses=documented(400, 401, 404, 408, 413, 422, 503)
)
async def pressed_in_slack(request: Request, gate: GateDep) -> Answer:
    """Receive Approve or Reject from a message in Slack. The person who pressed is shown the result
    there.
    """
    if gate.chat is None:
        raise NotFound("Slack is not connected to this gate")
    body = await raw_body(request)
    click = gate.chat.pressed(
        {name: header(request, name) for name in gate.chat.headers}, body, gate.clock()
    )
    if click is None:
        return answer(
            TakenAnswer(0, 0, ("only the buttons under the gate's own messages do something",))
        )
    return answer(TakenAnswer(await chat.take(gate, click), 0, ()))
