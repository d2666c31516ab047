"""A small app on the real edge and the real routes: what every route has in common, without a flow
behind it.
"""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Annotated, cast

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request

from gate.api.app import Api
from gate.api.http.answers import Answer, answer, page_answer, stream_answer
from gate.api.http.permits import Attached, Reader
from gate.api.http.rates import Rates
from gate.api.http.route import GateRoute
from gate.api.models.fields import Instant, Name, Number, RequestModel
from gate.errors import Conflict, Fault, Invalid, Unauthenticated
from gate.flow.caller import Caller, Machine, Role
from gate.flow.commands import Page
from gate.metrics import Metrics

AUDITOR, PIPELINE = "auditor-token", "pipeline-token"

router = APIRouter(prefix="/v1/echo", route_class=GateRoute)


class Ask(RequestModel):
    """Some fields."""

    name: Name
    count: Number = 1
    at: Instant | None = None


class Filter(RequestModel):
    """Some parameters."""

    name: Name | None = None
    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@router.post("")
async def take(ask: Ask, by: Reader) -> Answer:
    """Says it again."""
    return answer({"name": ask.name, "by": by.caller})


@router.get("/{name}")
async def read(
    name: str, query: Annotated[Filter, Query()], by: Reader, request: Request
) -> Answer:
    """A page with one item, and another one after it."""
    _ = by
    return page_answer(Page([{"name": name, "limit": query.limit}], "next one"), request)


@router.get("/{name}/stream")
async def stream(name: str, by: Reader) -> Answer:
    """Three lines; a name can break it on the way."""
    _ = by

    async def lines() -> AsyncIterator[bytes]:
        for k in range(3):
            yield f"{k}\n".encode()
        if name == "broken":
            raise RuntimeError("canary-in-the-log")

    return cast("Answer", stream_answer(lines(), "text/plain", file_name="lines.txt"))


@router.delete("/{name}")
async def fail(name: str) -> Answer:
    """Raises; this one is public."""
    errors: dict[str, Exception] = {
        "conflict": Conflict("it has moved on", problem="consumed"),
        "invalid": Invalid("not that", faults=[Fault("found 1", "#/a/b")]),
    }
    raise errors.get(name, RuntimeError(f"canary-in-the-log {name}"))


class FakeAccess:
    """Knows two tokens, and no session."""

    async def authenticate(self, bearer: str) -> Caller:
        """Whose it is."""
        match bearer:
            case "auditor-token":
                return Machine("a", Role.AUDITOR)
            case "pipeline-token":
                return Machine("p", Role.PIPELINE)
        raise Unauthenticated("nobody")

    async def signed_in(self, secret: str) -> None:
        """Nobody is."""


def echo_app(*, rate_limit: int = 0) -> Api:
    """The app; `app.state.attached` is what it shares."""
    app = Api(Metrics(), None)
    app.router.routes.extend(router.routes)
    app.state.attached = cast(
        "Attached",
        SimpleNamespace(
            gate=SimpleNamespace(base_url="https://gate.example.com"),
            access=FakeAccess(),
            rates=Rates(rate_limit, now=lambda: 0.0),
        ),
    )
    return app
