"""Which day is so many business days after or before another one?

Days are those of the calendar's zone. A business day is one of its `business_hours.days` (Monday to
Friday where the file does not say) that is none of its `holidays`. The day that is counted from is
never counted itself, whether or not it is a business day.
"""

from datetime import date, datetime, timedelta

from gate.core.calendar.calendar import Calendar

USUAL_WEEKDAYS = frozenset(range(5))
_ONE_DAY = timedelta(days=1)


def is_business_day(calendar: Calendar, day: date) -> bool:
    """Return whether people work on this day."""
    hours = calendar.business_hours
    weekdays = hours.weekdays if hours and hours.weekdays else USUAL_WEEKDAYS
    return day.weekday() in weekdays and day not in calendar.holidays


def local_day(calendar: Calendar, at: datetime) -> date:
    """Return the day that this instant lies on, in the calendar's zone."""
    return at.astimezone(calendar.zone).date()


def business_days_after(calendar: Calendar, day: date, count: int) -> date:
    """Return the last day of a time of so many business days after `day`."""
    return _away(calendar, day, count, _ONE_DAY)


def business_days_before(calendar: Calendar, day: date, count: int) -> date:
    """Return the last day on which so many business days are still left before `day`.

    These are the returned day itself and the business days between it and `day`.
    """
    return _away(calendar, day, count, -_ONE_DAY)


def _away(calendar: Calendar, day: date, count: int, step: timedelta) -> date:
    # It ends, because there is a business day in every week that has no holiday, and the holidays
    # of a calendar are few.
    while count > 0:
        day += step
        if is_business_day(calendar, day):
            count -= 1
    return day
