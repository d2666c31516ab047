"""The style sheet, the script and the icon. All are ours, and browsers keep them until
they change.
"""

from functools import cache
from hashlib import sha256
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gate.api.http.answers import Answer

FOLDER = "/static"
_TYPES = {
    "gate.css": b"text/css; charset=utf-8",
    "gate.js": b"text/javascript; charset=utf-8",
    "gate.svg": b"image/svg+xml",
}
_FOREVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_VERSION_CHARACTERS = 12


@cache
def address(name: str) -> str:
    """Return the address of a file. It changes with the content, so a browser may keep a copy for
    ever.
    """
    return f"{FOLDER}/{name}?v={_version(name)}"


def routes() -> list[Route]:
    """Return one route for each file, so that no other file can be asked for."""
    return [Route(f"{FOLDER}/{name}", _file, methods=["GET"]) for name in _TYPES]


async def _file(request: Request) -> Response:
    name = request.url.path.rpartition("/")[2]
    kept = _FOREVER if request.query_params.get("v") == _version(name) else _ASK_AGAIN
    headers = {
        "Cache-Control": kept,
        "Content-Security-Policy": "default-src 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return Answer(_bytes(name), media_type=_TYPES[name], headers=headers)


@cache
def _version(name: str) -> str:
    return sha256(_bytes(name)).hexdigest()[:_VERSION_CHARACTERS]


@cache
def _bytes(name: str) -> bytes:
    return files("gate.web").joinpath("static", name).read_bytes()
