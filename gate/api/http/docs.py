"""`/openapi.json` and `/docs`: the description of the interface, which loads nothing from
elsewhere.
"""

from collections.abc import Callable
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gate.api.http.answers import Answer

ASSETS = "/static/docs"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' "
    "data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
_CACHED = {"Cache-Control": "public, max-age=86400"}
"""Anybody may keep the assets of the page, because they come with the package and say nothing about
this installation."""

_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Change-enablement gate: HTTP interface</title>
<link rel="icon" href="{ASSETS}/favicon.png">
<link rel="stylesheet" href="{ASSETS}/swagger-ui.css">
</head>
<body>
<div id="page"><p>The interface is described in <a href="/openapi.json">openapi.json</a>.</p></div>
<script src="{ASSETS}/swagger-ui-bundle.js"></script>
<script src="{ASSETS}/start.js"></script>
</body>
</html>
"""
_START = (
    'SwaggerUIBundle({url: "/openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: '
    "null, queryConfigEnabled: false});\n"
)
_TYPES = {
    "favicon.png": "image/png",
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "start.js": "text/javascript; charset=utf-8",
}


def routes(document: Callable[[], bytes]) -> list[Route]:
    """Return the routes of the page, its assets, and the document, which is made when it is first
    requested.
    """

    async def openapi(_: Request) -> Response:
        return Answer(document())

    return [
        Route("/openapi.json", openapi, methods=["GET"]),
        Route("/docs", _page, methods=["GET"]),
        *(Route(f"{ASSETS}/{name}", _asset, methods=["GET"]) for name in _TYPES),
    ]


async def _page(_: Request) -> Response:
    return Answer(_PAGE.encode(), media_type=b"text/html; charset=utf-8", headers=_HEADERS)


async def _asset(request: Request) -> Response:
    name = request.url.path.rpartition("/")[2]
    return Answer(_bytes(name), media_type=_TYPES[name].encode(), headers=_HEADERS | _CACHED)


@cache
def _bytes(name: str) -> bytes:
    """Return the content of an asset, which is read once for each process.

    Together they have 1.5 MB.
    """
    if name == "start.js":
        return _START.encode()
    return files("fastapi_offline").joinpath("static", name).read_bytes()
