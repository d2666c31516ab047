"""Instants as whole microseconds since 1970 in UTC: the form in rows and records.

This form is exact and has no time zone, so that the same instant has only one form.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

FIRST = _EPOCH
LAST = datetime(2199, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
"""The first and the last instant that the gate takes from anybody.

They are far inside the range of `datetime`, so adding days, months or the offset of a zone never
leaves that range, and nothing that was taken can fail later.
"""
ALLOWED = "an instant from 1970 to 2199"


def in_utc(instant: datetime) -> datetime | None:
    """Return the instant in UTC, or None if the gate does not take it. It needs a time zone."""
    return instant.astimezone(UTC) if FIRST <= instant <= LAST else None


def rfc3339(instant: datetime) -> str:
    """Return the instant as text in UTC with a Z, as JSON has it. It needs a time zone."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def clock(instant: datetime) -> str:
    """Return the instant as people say it, in UTC: `5 Mar 2026, 12:00 UTC`. It needs a zone."""
    at = instant.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def midnight(day: date, zone: tzinfo = UTC) -> datetime:
    """Return the first instant of a day, in UTC. A midnight that does not occur is read with the
    offset before the gap.
    """
    return datetime.combine(day, time(), zone).astimezone(UTC)


def to_us(instant: datetime) -> int:
    """Return whole microseconds since 1970. The instant needs a time zone."""
    return (instant - _EPOCH) // _MICROSECOND


def from_us(microseconds: int) -> datetime:
    """Return the instant in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def optional_us(instant: datetime | None) -> int | None:
    """Return whole microseconds since 1970, or None if there is no instant."""
    return None if instant is None else to_us(instant)


def optional_instant(microseconds: int | None) -> datetime | None:
    """Return the instant in UTC, or None if there are no microseconds."""
    return None if microseconds is None else from_us(microseconds)
