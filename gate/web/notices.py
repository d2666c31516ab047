"""Notices: what a page says once about the act before it.

A notice is kept in a cookie of this browser and never in an address, because whoever sends a link
could otherwise make a page say "Approved." of a change that nobody approved.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote, unquote, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from gate.api.http.cookies import Cookie, clear_cookie, cookie_of, set_cookie
from gate.api.http.permits import attached_to

_KEPT = Cookie("notice", seconds=60)
_PATH_LENGTH_MAX = 400
_BY_A_SCRIPT = "empty"
_CHANGE = re.compile(r"chg_[0-9A-Za-z]{26}")


class Notice(StrEnum):
    """Everything that a page may say about an act. The names of the members are stored in the
    cookie.
    """

    APPROVED = "Approved."
    APPROVED_AND_HELD = "Approved. What holds this change still holds it."
    COUNTED = "Your approval counts. Others are still needed."
    TAKEN_BACK = "Your approval is taken back."
    REJECTED = "Rejected. It cannot be deployed unless the rejection is lifted."
    OVERRIDDEN = "The hold no longer stops this change."
    OVERRIDDEN_AND_HELD = "The override is recorded. Something still holds this change."
    REJECTION_LIFTED = "The rejection is lifted. The pipeline may ask anew."
    CANCELED = "Canceled."
    REVIEWED = "The review is on record."
    NOTICE_GIVEN = "It is on record that customers were given this notice."
    WINDOW_DECLARED = "The window is declared."
    LINE_STOPPED = "The line is stopped."
    WINDOW_LIFTED = "The window is lifted."
    STOP_LIFTED = "This stop is lifted."
    IMPROVEMENT_BEGUN = "The item has begun. Its figure was read and is kept."
    IMPROVEMENT_POSTPONED = "The due date is later now."
    ISSUE_ASKED = "The issue is being opened. Its address stands here in a moment."
    ISSUE_FOLLOWED = "The item follows that issue."
    IMPROVEMENT_CLOSED = "The item is closed, with its figure before and after."
    INCIDENT_TIED = "The incident is tied to the change, which counts as failed."
    ACTIVATED = "The revision is in force."
    PERSON_CHANGED = "Saved."
    REVOKED = "The token is good for nothing any more."


UNDONE_BY_ONE_CLICK = frozenset({Notice.APPROVED, Notice.APPROVED_AND_HELD, Notice.COUNTED})
"""The notices with which the page offers to take the approval back."""


@dataclass(frozen=True, slots=True)
class Said:
    """The notice that a page shows, and the change on which it offers undo, or an empty text."""

    notice: Notice
    undo: str = ""


def leave(request: Request, response: Response, address: str, notice: Notice, change: str) -> None:
    """Store a notice for the page of this address, which shows it if it is opened next.

    `change` is the change that the notice is about, or an empty text.
    """
    undo = change if notice in UNDONE_BY_ONE_CLICK else ""
    value = f"{notice.name}:{_path_of(address)}:{undo}"
    set_cookie(response, request, attached_to(request).gate, value, _KEPT)


def take(request: Request) -> Said | None:
    """Return the notice for the page that this request opens, or None.

    A request of a script takes no notice, because the page would be refreshed without showing it.
    """
    is_opened = request.method == "GET" and request.headers.get("sec-fetch-dest") != _BY_A_SCRIPT
    kept = cookie_of(request, attached_to(request).gate, _KEPT.purpose) if is_opened else None
    name, _, rest = (kept or "").partition(":")
    path, _, undo = rest.partition(":")
    if name not in Notice.__members__ or path != _path_of(request.url.path):
        return None
    return Said(Notice[name], undo if _CHANGE.fullmatch(undo) else "")


def forget(request: Request, response: Response) -> None:
    """Delete the notice after it was shown."""
    clear_cookie(response, request, attached_to(request).gate, purpose=_KEPT.purpose)


def _path_of(address: str) -> str:
    """Return the path of an address in the characters that a cookie may hold."""
    return quote(unquote(urlsplit(address).path))[:_PATH_LENGTH_MAX]
