"""Whole days in UTC, by which figures are summed up. A day is its number, counted since 1970."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from gate.core.instants import from_us, to_us

DAY_US = timedelta(days=1) // timedelta(microseconds=1)
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Days:
    """Days in a row, from `begins` to before `ends`."""

    begins: int
    ends: int

    @property
    def length(self) -> int:
        """The number of these days."""
        return self.ends - self.begins

    @property
    def begins_at(self) -> datetime:
        """The first instant of these days."""
        return from_us(self.begins * DAY_US)

    @property
    def ends_at(self) -> datetime:
        """The first instant after these days."""
        return from_us(self.ends * DAY_US)

    @property
    def before(self) -> "Days":
        """The days before these, as many as these are."""
        return Days(self.begins - self.length, self.begins)


def days_touched(begins: datetime, ends: datetime) -> Days:
    """Return the days that the time from one instant to before another one touches."""
    return Days(day_of(begins), _first_day_from(ends))


def last_days(number: int, ends: datetime) -> Days:
    """Return so many days until this instant. The day that goes on then is one of them."""
    after = _first_day_from(ends)
    return Days(after - number, after)


def day_of(instant: datetime) -> int:
    """Return the day in which the instant lies."""
    return to_us(instant) // DAY_US


def _first_day_from(instant: datetime) -> int:
    """Return the first day that begins at this instant or later."""
    return -(-to_us(instant) // DAY_US)


def date_of(day: int) -> date:
    """Return the date of a day."""
    return _EPOCH + timedelta(days=day)


def day_of_date(of: date) -> int:
    """Return the day of a date."""
    return (of - _EPOCH).days
