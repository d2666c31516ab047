"""Pages: the routes that answer HTML, their JSON twins, and the page that a browser gets for an
error.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any, TypeAlias, TypeVar
from urllib.parse import quote, urlencode, urlsplit
from zlib import crc32

from fastapi import APIRouter
from pydantic import BeforeValidator, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gate.api.http.answers import Answer, answer
from gate.api.http.edge import REQUEST_ID
from gate.api.http.refused import keep_refusal
from gate.api.http.route import GateRoute
from gate.api.models.queries import CURSOR_LENGTH_MAX
from gate.api.problems import problem_name
from gate.errors import GateError, Unauthenticated, Unavailable
from gate.flow.answers.written import written as as_json
from gate.web import notices, strip
from gate.web.forms import Form, typed
from gate.web.notices import Notice
from gate.web.render import HEADERS, VIEWER, render

JSON_SUFFIX = ".json"
LOGIN = "/login"
_SAFE_METHODS = frozenset({"GET", "HEAD"})
NOTHING_WRITTEN: Form = {}
_WRITTEN_BY_HAND = frozenset(
    {
        "comment",
        "reason",
        "findings",
        "actions",
        "description",
        "begins",
        "ends",
        "email",
        "name",
        "services",
        "experiment",
        "finding",
        "due_at",
        "link",
    }
)
_TITLES: Mapping[int, str] = {
    400: "This address does not work",
    401: "Please sign in",
    403: "You may not do this",
    404: "There is nothing here",
    409: "Somebody was faster",
    413: "This is too much at once",
    422: "This was not understood",
    429: "Too many requests",
    503: "The gate cannot do this right now",
}

Blank = BeforeValidator(lambda value: None if value == "" else value)
"""Reads an empty field as None, because forms send empty fields too."""

Cursor: TypeAlias = Annotated[str | None, Blank, Field(max_length=CURSOR_LENGTH_MAX)]
"""The position from which a list on a page continues."""

E = TypeVar("E", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class View:
    """The content of a page: the template with its values, and the same data for JSON.

    A page that shows a refused form again names the error in `refused`, so that the answer has its
    status, and the refusal is recorded.
    """

    template: str
    data: Any
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    refused: GateError | None = None


class PageRoute(GateRoute):
    """A route that answers a `View` as a page, and an error as a page too."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer. An unexpected error goes on to the edge, which logs it.

        Its page is sent before, because the edge would answer as it answers machines.
        """
        if not scope["gate.full"]:
            await super().handle(scope, receive, send)
            return
        request = Request(scope, receive)
        refused: GateError | HTTPException | None = None
        try:
            made: Any = await self._call(request)
        except (GateError, HTTPException) as error:
            await strip.put(request)
            written = await typed(request) if request.method == "POST" else {}
            refused, made = error, problem_page(request, error, written)
        except Exception:
            await broken_page(request)(scope, receive, send)
            raise
        if not isinstance(made, Response):
            await strip.put(request)
            refused = made.refused
        response: Response = made if isinstance(made, Response) else _shown(request, made)
        await response(scope, receive, send)
        if refused is not None:
            await keep_refusal(scope, refused)


class JsonRoute(GateRoute):
    """A route that answers a `View` as JSON, and an error as a problem document."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, or raise the error that the edge turns into a problem document."""
        if not scope["gate.full"]:
            await super().handle(scope, receive, send)
            return
        made: Any = await self._call(Request(scope, receive))
        if isinstance(made, View) and made.refused is not None:
            raise made.refused
        response = made if isinstance(made, Response) else answer(made.data, made.status)
        await response(scope, receive, send)


class Pages(APIRouter):
    """Pages by address. They are for people, so none of them is in the OpenAPI document."""

    def page(self, path: str) -> Callable[[E], E]:
        """Register `GET path`, and its JSON twin, whose address ends in .json.

        The twin is registered first, because an id at the end of the path would match ".json" too.
        """
        twin = f"{path}{JSON_SUFFIX}" if path != "/" else f"/queue{JSON_SUFFIX}"
        return self._add("GET", (twin, JsonRoute), (path, PageRoute))

    def page_alone(self, path: str) -> Callable[[E], E]:
        """Register `GET path` for a page without a twin in JSON, because it only leads in."""
        return self._add("GET", (path, PageRoute))

    def form(self, path: str) -> Callable[[E], E]:
        """Register `POST path`, to which a form of a page is sent."""
        return self._add("POST", (path, PageRoute))

    def _add(self, method: str, *routes: tuple[str, type[GateRoute]]) -> Callable[[E], E]:
        def add(endpoint: E) -> E:
            self.routes += [
                route(
                    path, endpoint, methods=[method], response_model=None, include_in_schema=False
                )
                for path, route in routes
            ]
            return endpoint

        return add


def problem_page(
    request: Request, error: GateError | HTTPException, written: Form = NOTHING_WRITTEN
) -> Response:
    """Return a page that says what went wrong and what to do next.

    It repeats what was written in a refused form, so that nothing is lost. A viewer who is not
    signed in is sent to the sign-in page.
    """
    if isinstance(error, Unauthenticated) and request.method in _SAFE_METHODS:
        return go_to(f"{LOGIN}?next={quote(_own_address(request), safe='')}")
    status = error.status if isinstance(error, GateError) else error.status_code
    headers = (
        {"Retry-After": str(error.retry_after_seconds)} if isinstance(error, Unavailable) else None
    )
    detail = error.detail if isinstance(error, GateError) else "No page has this address."
    title = _TITLES.get(status, HTTPStatus(status).phrase)
    faults = error.faults if isinstance(error, GateError) else ()
    values = {
        "heading": title,
        "detail": detail,
        "problem": problem_name(error),
        "faults": faults,
        "code": status,
        "written": _texts(written),
        "back": _came_from(request),
        "is_signed_out": isinstance(error, Unauthenticated),
    }
    return render(request, "problem.html", status=status, headers=headers, **values)


def broken_page(request: Request) -> Response:
    """Return a page that says that the gate itself failed, and under which id its log says why.

    It is the page of somebody who is not signed in, because the status of production may be what
    failed.
    """
    request.scope.pop(VIEWER, None)
    return render(
        request,
        "problem.html",
        status=500,
        heading="Something went wrong here",
        detail="The gate failed in a way that nobody planned, and approved nothing by it. Try "
        "again; if it stays so, tell its operator the id under which its log says why: "
        f"{request.scope[REQUEST_ID]}",
        faults=(),
        code=500,
        written=[],
        back="/",
        is_signed_out=False,
    )


def go_to(address: str) -> Response:
    """Return a redirect by GET to another page of ours."""
    return Answer(b"", 303, media_type=b"text/plain", headers={**HEADERS, "Location": address})


def go_on(request: Request, address: str, notice: Notice, change: str = "") -> Response:
    """Return a redirect to another page of ours, which shows this notice once.

    `change` is the change that the notice is about, if there is one.
    """
    response = go_to(address)
    notices.leave(request, response, address, notice, change)
    return response


def following(path: str, part: str, **cursors: str | None) -> str | None:
    """Return the address of a page whose lists continue at these cursors, at the part of that name.

    If no list continues, return None.
    """
    given = {name: cursor for name, cursor in cursors.items() if cursor}
    return f"{path}?{urlencode(given)}#{part}" if given else None


def own_path(given: str, otherwise: str = "/") -> str:
    """Return the address if it is a path on this server, and otherwise `otherwise`."""
    is_ours = (
        given.startswith("/")
        and not given.startswith(("//", "/\\"))
        and given.isascii()
        and given.isprintable()
    )
    return given if is_ours and "\\" not in given else otherwise


def _texts(written: Form) -> list[tuple[str, str]]:
    """Return the texts that somebody would have to write again, without fields that the page filled
    in.
    """
    return [
        (name.replace("_", " "), text)
        for name, values in written.items()
        if name in _WRITTEN_BY_HAND
        for text in values
        if text
    ]


def _came_from(request: Request) -> str:
    """Return the page of ours with the form, as the browser names it in the Referer header."""
    parts = urlsplit(request.headers.get("referer", ""))
    query = f"?{parts.query}" if parts.query else ""
    return own_path(f"{parts.path}{query}") if request.method == "POST" else "/"


def _own_address(request: Request) -> str:
    query = request.scope["query_string"].decode("latin-1")
    return own_path(request.url.path + (f"?{query}" if query else ""))


def _shown(request: Request, view: View) -> Response:
    said = notices.take(request)
    shown = {
        "version": lambda: _version(view.data),
        "done": said and said.notice.value,
        "undo": said.undo if said else "",
    }
    status = view.refused.status if view.refused else view.status
    response = render(request, view.template, status=status, **{**shown, **view.values})
    if said is not None:
        notices.forget(request, response)
    return response


def _version(data: Any) -> int:
    """Return a number that differs when the content of a page has changed.

    A person who is writing on the page is then notified. The time `at` when the data was read does
    not count, because otherwise every refresh would notify.
    """
    shown = json.loads(as_json(data))
    shown.pop("at", None)
    return crc32(json.dumps(shown).encode())
