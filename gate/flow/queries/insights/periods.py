"""The periods into which figures over time are divided: weeks, or spans of four weeks.

A week begins on Monday, UTC. The last period contains today, so it is not over yet.
"""

from datetime import date, datetime, timedelta

from gate.core.instants import to_us
from gate.flow.answers.insights.over_time import PeriodAnswer
from gate.storage.figures.places import Days, Ended, Periods

WEEK = 7
LONG_STEP = 28
"""Days of a period where weeks would be too many bars."""

WEEKS = 12
LONG_STEPS = 13
"""How many periods of each length are shown: about a quarter, or a year."""

LENGTH = timedelta(days=100)
"""Figures of more days than these are shown in the longer periods."""

_EPOCH = date(1970, 1, 1)
_MONDAY_OF_EPOCH = 4
"""1970 began on a Thursday, so the first Monday is day 4."""

_DAY_US = 24 * 3600 * 1_000_000
_NONE = Ended(0, 0)


def periods_until(now: datetime, step: int) -> Days:
    """Return the days of the periods of this length that end with the current week."""
    today = to_us(now) // _DAY_US
    monday = today - (today - _MONDAY_OF_EPOCH) % WEEK
    ends = monday + WEEK
    return Days(ends - step * (WEEKS if step == WEEK else LONG_STEPS), ends, step)


def answers(days: Days, ended: Periods) -> tuple[PeriodAnswer, ...]:
    """Return every period, oldest first, including those without deployments."""
    return tuple(
        PeriodAnswer(day_of(begins), day_of(begins + days.step), *ended.get(number, _NONE))
        for number, begins in enumerate(range(days.begins, days.ends, days.step))
    )


def day_of(number: int) -> date:
    """Return the date of a day that is given as its number since 1970-01-01."""
    return _EPOCH + timedelta(days=number)


def number_of(day: date) -> int:
    """Return the number of a date, counted in days since 1970-01-01."""
    return (day - _EPOCH).days
