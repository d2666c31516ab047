"""A small picture that shows whether a place is open, for a page that people look at anyway."""

from xml.sax.saxutils import escape, quoteattr

from fastapi import APIRouter
from starlette.responses import Response

from gate.api.http.answers import Answer
from gate.api.http.permits import GateDep, PlaceWatcher
from gate.api.http.route import GateRoute
from gate.flow.answers.place import PlaceAnswer
from gate.flow.queries import look

MEDIA_TYPE = b"image/svg+xml; charset=utf-8"
KEPT_SECONDS = 30
NAME_LENGTH_MAX = 40
"""A longer name is cut, because the picture is only looked at."""

_CHARACTER_WIDTH = 7
_PADDING = 6
_HEIGHT = 20
_NAME, _OPEN, _SHUT, _UNKNOWN = "#3f4651", "#1f7a3d", "#a3261b", "#6b6259"

router = APIRouter(prefix="/v1/services", tags=["services"], route_class=GateRoute)


@router.get(
    "/{service:path}/environments/{environment:path}/badge.svg",
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {"schema": {"type": "string"}}}}},
)
async def read_badge(service: str, environment: str, by: PlaceWatcher, gate: GateDep) -> Answer:
    """Return a picture that says open, frozen, stopped or unknown. The token may also be sent as a
    password.
    """
    found = await look.place(gate, service, environment, by)
    # An SVG may contain scripts, so the policy keeps it from running any when opened by itself.
    headers = {
        "Cache-Control": f"private, max-age={KEPT_SECONDS}",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    }
    return Answer(drawn(found), media_type=MEDIA_TYPE, headers=headers)


def drawn(found: PlaceAnswer) -> bytes:
    """Return the picture as SVG."""
    name = f"{found.service} {found.environment}"[:NAME_LENGTH_MAX]
    word, color = _state(found)
    left, right = (len(one) * _CHARACTER_WIDTH + 2 * _PADDING for one in (name, word))
    label = quoteattr(f"{name}: {word}")
    box = f'height="{_HEIGHT}"'
    text = 'y="14" fill="#fff" font-family="Verdana,sans-serif" font-size="11"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label={label} '
        f'width="{left + right}" {box}>'
        f'<rect width="{left}" {box} fill="{_NAME}"/>'
        f'<rect x="{left}" width="{right}" {box} fill="{color}"/>'
        f'<text x="{_PADDING}" {text}>{escape(name)}</text>'
        f'<text x="{left + _PADDING}" {text}>{escape(word)}</text>'
        "</svg>"
    ).encode()


def _state(found: PlaceAnswer) -> tuple[str, str]:
    if found.hold is None:
        # A misspelt name is in no window, and would show as open for ever.
        return ("unknown", _UNKNOWN) if found.unknown else ("open", _OPEN)
    if found.hold.stop:
        return "stopped", _SHUT
    if found.next_opening is None:
        return "frozen", _SHUT
    return f"frozen until {found.next_opening:%d %b %H:%M} UTC", _SHUT
