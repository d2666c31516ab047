"""Weeks as ISO 8601 counts them: from Monday to Sunday, numbered within a year.

A week begins at midnight in the time zone of the calendar, so a week in which the clocks change has
an hour more or less.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from gate.core.calendar.calendar import YEAR_FIRST, YEAR_LAST
from gate.core.facts import WEEKDAYS
from gate.core.instants import midnight

_WEEKDAY_AND_TIME = re.compile(rf"({'|'.join(WEEKDAYS)}) ([01][0-9]|2[0-3]):([0-5][0-9])")
_WRITTEN = re.compile(r"([0-9]{4})-W([0-9]{2})")
_DAYS = timedelta(days=7)


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """One week, by its Monday."""

    monday: date

    @property
    def name(self) -> str:
        """The week as ISO 8601 writes it, such as 2026-W48."""
        year, number, _ = self.monday.isocalendar()
        return f"{year:04d}-W{number:02d}"

    @property
    def before(self) -> "Week":
        """The week before."""
        return Week(self.monday - _DAYS)

    @property
    def after(self) -> "Week":
        """The week after."""
        return Week(self.monday + _DAYS)

    def begins(self, zone: tzinfo) -> datetime:
        """Return its first instant."""
        return midnight(self.monday, zone)

    def ends(self, zone: tzinfo) -> datetime:
        """Return the first instant after it."""
        return self.after.begins(zone)


@dataclass(frozen=True, slots=True)
class WeeklyTime:
    """A time of the week on the clock of the calendar's zone. Weekday 0 is Monday."""

    weekday: int
    hour: int
    minute: int

    def newest(self, now: datetime, zone: tzinfo) -> Week:
        """Return the week in which this time came last."""
        week = week_of(now, zone)
        return week if self._within(week, zone) <= now else week.before

    def _within(self, week: Week, zone: tzinfo) -> datetime:
        day = week.monday + timedelta(days=self.weekday)
        local = datetime.combine(day, time(self.hour, self.minute), tzinfo=zone)
        return local.astimezone(UTC)


def week_of(at: datetime, zone: tzinfo) -> Week:
    """Return the week of an instant."""
    day = at.astimezone(zone).date()
    return Week(day - timedelta(days=day.weekday()))


def read_week(text: str) -> Week:
    """Return the week of a text such as 2026-W48.

    Raises ValueError with what was found and what is allowed.
    """
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError(f"found {text[:40]}, allowed is a week as ISO 8601 writes it: 2026-W48")
    year, number = int(found[1]), int(found[2])
    if not YEAR_FIRST <= year <= YEAR_LAST:
        raise ValueError(f"found the year {year}, allowed is {YEAR_FIRST} to {YEAR_LAST}")
    try:
        return Week(date.fromisocalendar(year, number, 1))
    except ValueError:
        raise ValueError(f"the year {year} has no week {number}") from None


def read_weekly_time(text: str) -> WeeklyTime:
    """Return the time of a text such as `mon 09:00`.

    Raises ValueError with what was found and what is allowed.
    """
    found = _WEEKDAY_AND_TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"found {text[:40]}, allowed is a weekday and a time such as mon 09:00")
    return WeeklyTime(WEEKDAYS.index(found[1]), int(found[2]), int(found[3]))
