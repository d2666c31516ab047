"""Instants as whole microseconds since 1970, UTC: the form in rows and records, exact and free of zones."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(instant: datetime) -> int:
    """Whole microseconds since 1970; the instant needs a zone."""
    return (instant - _EPOCH) // _MICROSECOND


def from_us(microseconds: int) -> datetime:
    """The instant, in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def optional_us(instant: datetime | None) -> int | None:
    """The same for an instant that may be absent."""
    return None if instant is None else to_us(instant)


def optional_instant(microseconds: int | None) -> datetime | None:
    """The same for microseconds that may be absent."""
    return None if microseconds is None else from_us(microseconds)
