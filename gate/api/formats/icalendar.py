"""The change schedule as an iCalendar file (RFC 5545), to which calendar programs can subscribe."""

from collections.abc import Iterable
from datetime import datetime
from itertools import chain

from fastapi import APIRouter
from starlette.responses import Response

from gate.api.http.answers import Answer
from gate.api.http.permits import GateDep, Subscriber
from gate.api.http.route import GateRoute
from gate.flow.answers.calendar import WindowAnswer
from gate.flow.queries import calendar

MEDIA_TYPE = b"text/calendar; charset=utf-8"
LINE_BYTES_MAX = 75
PRODUCT = "-//Change-enablement gate//Change schedule//EN"

router = APIRouter(prefix="/v1/calendar.ics", tags=["calendar"], route_class=GateRoute)


@router.get(
    "",
    response_class=Response,
    responses={200: {"content": {"text/calendar": {"schema": {"type": "string"}}}}},
)
async def read_icalendar(_: Subscriber, gate: GateDep) -> Answer:
    """Return the windows of the next four weeks. The token may also be sent as a password."""
    found = await calendar.schedule(gate, None, None, None, None)
    return Answer(written(found.items, gate.clock()), media_type=MEDIA_TYPE)


def written(windows: Iterable[WindowAnswer], now: datetime) -> bytes:
    """Return the file. A window without an end is shown on the day on which it began."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{PRODUCT}", "X-WR-CALNAME:Change schedule"]
    lines += chain.from_iterable(_event(window, now) for window in windows)
    return b"".join(_folded(line) for line in [*lines, "END:VCALENDAR"])


def _event(window: WindowAnswer, now: datetime) -> list[str]:
    word = "Line stopped" if window.stop else "Frozen"
    scope = ", ".join([*window.services, *window.environments])
    event = [
        "BEGIN:VEVENT",
        f"UID:{window.id}-{_instant(window.begins)}@gate",
        f"DTSTAMP:{_instant(now)}",
        f"DTSTART:{_instant(window.begins)}",
    ]
    if window.ends is not None:
        event.append(f"DTEND:{_instant(window.ends)}")
    event.append(f"SUMMARY:{_text(f'{word}: {window.reason}')}")
    if scope:
        event.append(f"DESCRIPTION:{_text(scope)}")
    return [*event, "END:VEVENT"]


def _instant(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%SZ}"


def _text(text: str) -> str:
    """Return a text escaped as the standard says, with its line ends kept."""
    for char in ("\\", ";", ","):
        text = text.replace(char, "\\" + char)
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")


def _folded(line: str) -> bytes:
    """Return a line in pieces of at most 75 bytes, without cutting through a character."""
    pieces: list[bytes] = []
    piece = b""
    for char in line:
        encoded = char.encode("utf-8", "replace")
        if len(piece) + len(encoded) > LINE_BYTES_MAX - (1 if pieces else 0):
            pieces.append(piece)
            piece = b""
        piece += encoded
    return b"\r\n ".join([*pieces, piece]) + b"\r\n"
