"""The periods into which figures over time are divided: weeks, or spans of four weeks.

A week begins on Monday, UTC. The last period contains today, so it is not over yet.
"""

from datetime import datetime, timedelta

from gate.core.days import Days, date_of, day_of
from gate.flow.answers.insights.over_time import PeriodAnswer
from gate.storage.figures.places import Ended, EndedByPeriod, Periods

WEEK = 7
LONG_STEP = 28
"""Days of a period where weeks would be too many bars."""

WEEKS = 12
LONG_STEPS = 13
"""How many periods of each length are shown: about a quarter, or a year."""

LENGTH = timedelta(days=100)
"""Figures of more days than these are shown in the longer periods."""

_MONDAY_OF_EPOCH = 4
"""1970 began on a Thursday, so the first Monday is day 4."""

_NONE = Ended(0, 0)


def periods_until(now: datetime, step: int) -> Periods:
    """Return the periods of this length that end with the current week."""
    today = day_of(now)
    monday = today - (today - _MONDAY_OF_EPOCH) % WEEK
    ends = monday + WEEK
    return Periods(Days(ends - step * (WEEKS if step == WEEK else LONG_STEPS), ends), step)


def answers(periods: Periods, ended: EndedByPeriod) -> tuple[PeriodAnswer, ...]:
    """Return every period, oldest first, including those without deployments."""
    days, step = periods
    return tuple(
        PeriodAnswer(date_of(begins), date_of(begins + step), *ended.get(number, _NONE))
        for number, begins in enumerate(range(days.begins, days.ends, step))
    )
