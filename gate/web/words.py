"""Values in the words of a page: instants, spans, short digests, safe addresses, callers."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from urllib.parse import urlsplit

from gate.flow.caller import PERSON
from gate.flow.gate import Gate

SHORT_DIGEST = 10
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_HOURS_SHOWN = 48 * _HOUR
_WEEKDAYS_KNOWN = 7
"""So many days ahead the name of the day says which one is meant."""


def instant(at: datetime) -> str:
    """UTC, to the minute: 23 Nov 2026, 09:21 UTC."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def clock(at: datetime, zone: tzinfo, now: datetime) -> str:
    """A time as people say it, with its zone: 16:00 CET today, Fri 16:00 CET within a week,
    otherwise 20 Dec 00:00 CET.
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


def span(seconds: float) -> str:
    """How long, in at most two units: 3 d 4 h, 2 h 5 min, 40 s."""
    whole = max(int(seconds), 0)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < _HOURS_SHOWN:
        return _two(whole // _HOUR, "h", whole % _HOUR // _MINUTE, "min")
    return _two(whole // _DAY, "d", whole % _DAY // _HOUR, "h")


def roughly(seconds: float) -> str:
    """How long, in one unit, for where there is little room: 3 d, 23 h, 5 min."""
    whole = max(int(seconds), 0)
    if whole < _HOUR:
        return span(whole)
    if whole < _HOURS_SHOWN:
        return f"{whole // _HOUR} h"
    return f"{whole // _DAY} d"


def ago(at: datetime | None, now: datetime) -> str:
    """How long since."""
    return "" if at is None else span((now - at) / timedelta(seconds=1))


def left(at: datetime | None, now: datetime) -> str:
    """How long until."""
    return "" if at is None else span((at - now) / timedelta(seconds=1))


def short(digest: str | None) -> str:
    """The beginning of a commit or digest, enough to recognise it."""
    return (digest or "").removeprefix("sha256:")[:SHORT_DIGEST]


def link(address: str | None) -> str | None:
    """An address that may be followed from a page: https, or http; anything else is no link."""
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
    """With thin spaces between the thousands."""
    return f"{value:,}".replace(",", "\u202f")


def event(one: Mapping[str, Any]) -> str:
    """What happened, in a few words."""
    kind = one["kind"]
    words_of = _BY_KIND.get(kind)
    if words_of:
        return words_of(one)
    return _EVENTS.get(kind, kind.replace("_", " ").capitalize())


def _override(one: Mapping[str, Any]) -> str:
    if one.get("window") == "rejection":
        return "Rejection lifted"
    return f"{one.get('window')} overridden"


def _closure(one: Mapping[str, Any]) -> str:
    ended = str(one["result"]).replace("_", " ")
    if one.get("matched", True):
        return f"Closed: {ended}"
    return f"Reported {ended}, without an admission"


def _cancellation(one: Mapping[str, Any]) -> str:
    if one.get("superseded_by"):
        return f"Canceled, superseded by {one['superseded_by']}"
    return "Canceled"


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
    "standard_change": lambda one: f"Standard change {one['standard_change']} {one['action']}",
    "incident": lambda one: f"Incident {one['incident']}: {one['action']}",
    "link": lambda one: f"Incident {one['incident']}: link {one['action']}",
}
_EVENTS: Mapping[str, str] = {
    "admission": "Admitted: the deployment began",
    "approval": "Approved",
    "rejection": "Rejected",
    "post_review": "Review held",
}


def _two(many: int, unit: str, few: int, small: str) -> str:
    return f"{many} {unit} {few} {small}" if few else f"{many} {unit}"


def caller_label(gate: Gate) -> Callable[[str], str]:
    """What a page calls whoever did something, of whom rows have an id.

    A person by the label of the catalogue in force, a token as one, all others as they are.
    """
    catalogue = gate.rulebooks.latest.catalogue

    def label(caller: str) -> str:
        if caller.startswith("token:"):
            return caller.replace(":", " ", 1)
        return catalogue.label_of(caller.removeprefix(PERSON))

    return label
