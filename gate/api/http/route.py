"""One route: an address and a method.

FastAPI makes its documentation from the signature, when that is asked for. `Call` calls the
endpoint, in the same order of steps for all routes.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from gate.api.http.call import Call
from gate.api.problems import documented

SECURITY = "token"
_CHANGE_ID = re.compile(r"chg_[0-9a-z]{26}", re.ASCII)


class GateRoute(APIRoute):
    """Matches exactly: no slash is added or taken away, and HEAD is GET without the body."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self._call = Call(endpoint)
        options["responses"] = documented(*self._call.problems) | (options.get("responses") or {})
        if self._call.is_guarded:
            options["openapi_extra"] = {
                "security": [{SECURITY: []}],
                **(options.get("openapi_extra") or {}),
            }
        # FastAPI makes models of every answer and parameter. They serve the document alone, and
        # were a quarter of the time that a server needs to start.
        Route.__init__(
            self,
            path,
            endpoint,
            methods=options.get("methods"),
            include_in_schema=options.get("include_in_schema", True),
        )
        self._as_documented = partial(APIRoute, path, endpoint, **options)
        methods = frozenset(self.methods or ())
        self.taken = methods | {"HEAD"} if "GET" in methods else methods

    def as_documented(self) -> APIRoute:
        """Return the route with everything that FastAPI documents of it."""
        return self._as_documented()

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether the address fits, and whether the method does."""
        found = self.path_regex.match(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            return Match.NONE, {}
        full = scope["method"] in self.taken
        return Match.FULL if full else Match.PARTIAL, {
            "route": self,
            "path_params": found.groupdict(),
            "gate.full": full,
        }

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or raise an error that the edge turns into a problem."""
        if not scope["gate.full"]:
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(_methods_at(scope)))})
        _log_with(scope["path_params"].get("change_id"))
        response = await self._call(Request(scope, receive))
        if scope["method"] == "HEAD" and isinstance(response, StreamingResponse):
            await send(
                {
                    "type": "http.response.start",
                    "status": response.status_code,
                    "headers": response.raw_headers,
                }
            )
            await send({"type": "http.response.body", "body": b""})
            return
        await response(scope, receive, send)


def _log_with(change: str | None) -> None:
    """Have every line of this request carry the change that the address names.

    Anything that has not the form of an id is left out, because a caller may have typed a secret.
    """
    if change is not None and _CHANGE_ID.fullmatch(change):
        bind_contextvars(change=change)


def _methods_at(scope: Scope) -> set[str]:
    routes: list[BaseRoute] = scope["app"].routes
    here = (
        route
        for route in routes
        if isinstance(route, GateRoute) and route.path_regex.match(scope["path"])
    )
    return {method for route in here for method in route.taken}
