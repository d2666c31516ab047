"""Instants as whole microseconds since 1970, UTC: the form in rows and records, exact and free of
zones.
"""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

FIRST = _EPOCH
LAST = datetime(2199, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
"""The instants that the gate takes from anybody.

Because they are far inside of what a `datetime` can hold, adding days, months of a calendar or the
offset of a zone never leaves it: nothing that was taken can fail when it is computed with, or read
again.
"""
ALLOWED = "an instant from 1970 to 2199"


def in_utc(instant: datetime) -> datetime | None:
    """Return the instant in UTC, or None for one that the gate does not take. It needs a zone."""
    return instant.astimezone(UTC) if FIRST <= instant <= LAST else None


def rfc3339(instant: datetime) -> str:
    """The instant in UTC with a Z, as every wire has it; it needs a zone."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def to_us(instant: datetime) -> int:
    """Whole microseconds since 1970; the instant needs a zone."""
    return (instant - _EPOCH) // _MICROSECOND


def from_us(microseconds: int) -> datetime:
    """The instant, in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def optional_us(instant: datetime | None) -> int | None:
    """Return an instant that may be absent in microseconds."""
    return None if instant is None else to_us(instant)


def optional_instant(microseconds: int | None) -> datetime | None:
    """Return the instant of microseconds that may be absent."""
    return None if microseconds is None else from_us(microseconds)
