"""Values in words for pages: instants, durations, short digests and safe links."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from urllib.parse import urlsplit

from gate.core.durations import span

SHORT_DIGEST = 10
_HOUR, _DAY = 3_600, 86_400
_HOURS_SHOWN = 48 * _HOUR
_WEEKDAYS_KNOWN = 7
"""Up to so many days ahead, the name of a weekday says which day is meant."""


def instant(at: datetime) -> str:
    """Return an instant in UTC to the minute, such as "23 Nov 2026, 09:21 UTC"."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def clock(at: datetime, zone: tzinfo, now: datetime) -> str:
    """Return a time as people say it, with its zone.

    It is "16:00 CET" today, "Fri 16:00 CET" within a week, and otherwise "20 Dec 00:00 CET".
    """
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    days = (local.date() - today).days
    if days == 0:
        day = ""
    elif 0 < days < _WEEKDAYS_KNOWN:
        day = f"{local:%a} "
    else:
        day = f"{local.day} {local:%b} "
    return f"{day}{local:%H:%M %Z}"


def roughly(seconds: float) -> str:
    """Return a duration in one unit, for narrow places, such as "3 d", "23 h" or "5 min"."""
    whole = max(int(seconds), 0)
    if whole < _HOUR:
        return span(whole)
    if whole < _HOURS_SHOWN:
        return f"{whole // _HOUR} h"
    return f"{whole // _DAY} d"


def ago(at: datetime | None, now: datetime) -> str:
    """Return how long ago the instant was, or an empty text without an instant."""
    return "" if at is None else span((now - at) / timedelta(seconds=1))


def left(at: datetime | None, now: datetime) -> str:
    """Return how long it is until the instant, or an empty text without an instant."""
    return "" if at is None else span((at - now) / timedelta(seconds=1))


def short(digest: str | None) -> str:
    """Return the beginning of a commit or digest, which is enough to recognise it."""
    return (digest or "").removeprefix("sha256:")[:SHORT_DIGEST]


def link(address: str | None) -> str | None:
    """Return the address if a page may link to it, which means https or http, or else None."""
    if not address:
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    if parts.scheme in {"https", "http"} and parts.hostname:
        return address
    return None


def number(value: int) -> str:
    """Return a number with thin spaces between the thousands."""
    return f"{value:,}".replace(",", "\u202f")


def event(one: Mapping[str, Any]) -> str:
    """Return an event of the timeline in a few words."""
    kind = one["kind"]
    words_of = _BY_KIND.get(kind)
    if words_of:
        return words_of(one)
    return _EVENTS.get(kind, kind.replace("_", " ").capitalize())


def result(reported: str) -> str:
    """Return how a deployment ended, as it was reported, in words."""
    return str(reported).replace("successful_issues", "successful, with issues").replace("_", " ")


def _override(one: Mapping[str, Any]) -> str:
    if one.get("window") == "rejection":
        return "Rejection lifted"
    return f"Hold overridden: {one.get('title') or one.get('window')}"


def _closure(one: Mapping[str, Any]) -> str:
    ended = result(one["result"])
    if one.get("matched", True):
        return f"Closed: {ended}"
    return f"Reported {ended}, without an admission"


def _cancellation(one: Mapping[str, Any]) -> str:
    if one.get("superseded_by"):
        return f"Canceled, superseded by {one['superseded_by']}"
    return "Canceled"


_LINKS: Mapping[str, str] = {
    "linked": "Tied to {}",
    "confirmed": "Tie to {} confirmed",
    "removed": "Tie to {} removed",
    "found_better": "Tied to {} for a better reason",
}
_BY_KIND: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "decision": lambda one: f"Decision {one['number']}: {one['outcome']}, {one['type']} change",
    "override": _override,
    "lapse": lambda one: (
        "Approval taken back"
        if one.get("taken_back")
        else "An approval lapsed: something else is in force now"
    ),
    "closure": _closure,
    "cancellation": _cancellation,
    "expiry": lambda one: f"Expired while {one['state']}",
    "notice": lambda one: f"Customers were given notice: {str(one['duty']).replace('-', ' ')}",
    "refusal": lambda one: f"Refused: {one['operation']} ({str(one['problem']).replace('_', ' ')})",
    "standard_change": lambda one: f"Standard change “{one['title']}” {one['action']}",
    "incident": lambda one: f"Incident {one['incident']}: {one['action']}",
    "link": lambda one: _LINKS.get(one["action"], "Tie to {}").format(
        f"incident {one['incident']}"
    ),
}
_EVENTS: Mapping[str, str] = {
    "admission": "Admitted: the deployment began",
    "approval": "Approved",
    "rejection": "Rejected",
    "post_review": "Review held",
}


def sentence(text: str) -> str:
    """Return a message as a whole sentence: it begins with a capital letter and ends with a full
    stop. An id at the beginning stays as it is.
    """
    whole = f"The change {text}" if text.startswith("chg_") else text[:1].upper() + text[1:]
    return whole if whole.endswith((".", "!", "?")) else f"{whole}."
