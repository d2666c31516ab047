"""Values in the words of a page: instants, spans, short digests, safe addresses."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

SHORT_DIGEST = 10
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_HOURS_SHOWN = 48 * _HOUR


def instant(at: datetime) -> str:
    """UTC, to the minute: 23 Nov 2026, 09:21 UTC."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


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


def ago(at: str | None, now: datetime) -> str:
    """How long since."""
    return "" if at is None else span((now - datetime.fromisoformat(at)) / timedelta(seconds=1))


def left(at: str | None, now: datetime) -> str:
    """How long until."""
    return "" if at is None else span((datetime.fromisoformat(at) - now) / timedelta(seconds=1))


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
    return address if parts.scheme in {"https", "http"} and parts.hostname else None


def number(value: int) -> str:
    """With thin spaces between the thousands."""
    return f"{value:,}".replace(",", "\u202f")


def _two(many: int, unit: str, few: int, small: str) -> str:
    return f"{many} {unit} {few} {small}" if few else f"{many} {unit}"
