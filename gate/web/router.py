"""All pages as one list of routes, and the state they share. `attach` must be called before they
can answer.
"""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from gate.api.http.permits import visitor
from gate.flow.gate import Gate
from gate.flow.queries.waiting_list import WaitingList
from gate.web import (
    administration,
    assets,
    calendar,
    incidents,
    log,
    login,
    policies,
    reviews,
    sightings,
    strip,
    windows,
)
from gate.web.audit import authority, controls, reports
from gate.web.changes import changes
from gate.web.insights import (
    backtests,
    improvements,
    insights,
    observations,
    scorecard,
    service,
    triage,
    weekly,
)
from gate.web.page import problem_page
from gate.web.queue import pane, queue
from gate.web.render import VIEWER

_PAGES = (
    queue,
    pane,
    log,
    sightings,
    incidents,
    changes,
    reviews,
    calendar,
    windows,
    policies,
    insights,
    observations,
    backtests,
    scorecard,
    improvements,
    weekly,
    triage,
    service,
    reports,
    controls,
    authority,
    administration,
    login,
)
_FOR_MACHINES = ("/v1/", "/static/")
_WAYS_OF_LOOKING = frozenset({"GET", "HEAD"})


def add_pages(app: Starlette) -> None:
    """Add the routes of all pages to the app. They can answer only after `attach`."""
    app.router.routes.extend(assets.routes())
    for module in _PAGES:
        app.router.routes.extend(module.pages.routes)
    app.router.default = _nothing_here


def attach(app: Starlette, gate: Gate) -> None:
    """Give the pages their shared state. This must be called in the running event loop."""
    app.state.waiting_list = WaitingList(gate)


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer an address without a route: browsers get a page, programs a problem document."""
    if scope["type"] != "http":
        raise RuntimeError(f"there is no {scope['type']} here")
    request = Request(scope, receive)
    error = HTTPException(404)
    is_page = request.method in _WAYS_OF_LOOKING and not scope["path"].startswith(_FOR_MACHINES)
    if not is_page or "text/html" not in request.headers.get("accept", ""):
        raise error
    scope[VIEWER] = await visitor(request)
    await strip.put(request)
    await problem_page(request, error)(scope, receive, send)
