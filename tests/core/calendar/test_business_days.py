"""The day that is so many business days away: over weekends, holidays, and in every zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.calendar.business_days import (
    business_days_after,
    business_days_before,
    is_business_day,
    local_day,
)
from gate.core.calendar.calendar import BusinessHours, Calendar
from gate.core.calendar.file import read_calendar
from gate.errors import Invalid

ONE_DAY = timedelta(days=1)
MONDAY, FRIDAY = date(2026, 12, 21), date(2026, 12, 18)
CLOSED = frozenset({date(2026, 12, 24), date(2026, 12, 25)})
DAYS = st.dates(date(2020, 1, 1), date(2040, 1, 1))
COUNTS = st.integers(1, 40)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Some weekdays, and holidays anywhere."""
    weekdays = draw(st.frozensets(st.integers(0, 6), min_size=1))
    hours = draw(st.sampled_from([None, BusinessHours(weekdays, 0, 1440)]))
    around = draw(DAYS)
    offsets = draw(st.frozensets(st.integers(-60, 60), max_size=30))
    holidays = frozenset(around + offset * ONE_DAY for offset in offsets)
    return Calendar(business_hours=hours, holidays=holidays)


def between(calendar: Calendar, first: date, last: date) -> int:
    """How many business days there are from `first` to `last`, both included."""
    days = (first + number * ONE_DAY for number in range((last - first).days + 1))
    return sum(is_business_day(calendar, day) for day in days)


@given(calendars(), DAYS, COUNTS)
def test_so_many_business_days_lie_in_the_time_and_its_last_day_is_one(
    calendar: Calendar, day: date, count: int
) -> None:
    last = business_days_after(calendar, day, count)

    assert is_business_day(calendar, last)
    assert between(calendar, day + ONE_DAY, last) == count


@given(calendars(), DAYS, COUNTS)
def test_so_many_business_days_are_left_before_the_start(
    calendar: Calendar, day: date, count: int
) -> None:
    last = business_days_before(calendar, day, count)

    assert is_business_day(calendar, last)
    assert between(calendar, last, day - ONE_DAY) == count


@given(calendars(), DAYS, COUNTS)
def test_a_holiday_more_never_makes_a_time_shorter(
    calendar: Calendar, day: date, count: int
) -> None:
    more = calendar.holidays | {day + ONE_DAY}
    longer = Calendar(business_hours=calendar.business_hours, holidays=more)

    assert business_days_after(longer, day, count) >= business_days_after(calendar, day, count)


@pytest.mark.parametrize(
    ("begins", "count", "ends"),
    [
        pytest.param(FRIDAY, 1, MONDAY, id="over a weekend"),
        pytest.param(date(2026, 12, 19), 1, MONDAY, id="from a weekend"),
        pytest.param(date(2026, 12, 23), 1, date(2026, 12, 28), id="over holidays and a weekend"),
        pytest.param(FRIDAY, 5, date(2026, 12, 29), id="a week with two holidays"),
    ],
)
def test_days_are_counted_as_on_a_wall_calendar(begins: date, count: int, ends: date) -> None:
    calendar = Calendar(holidays=CLOSED)

    assert business_days_after(calendar, begins, count) == ends


@pytest.mark.parametrize(
    ("zone", "day"),
    [("Pacific/Kiritimati", 2), ("Europe/Berlin", 2), ("UTC", 1), ("America/New_York", 1)],
)
def test_a_day_is_one_of_the_calendars_zone(zone: str, day: int) -> None:
    calendar = Calendar(zone=ZoneInfo(zone))

    assert local_day(calendar, datetime(2026, 6, 1, 23, 30, tzinfo=UTC)) == date(2026, 6, day)


def test_holidays_are_read_from_the_file_and_change_its_revision() -> None:
    text = "time_zone: Europe/Berlin\nholidays: [2026-12-25, 2026-12-26]\n"
    calendar = read_calendar(text, "calendar.yaml", None)
    without = read_calendar("time_zone: Europe/Berlin\n", "calendar.yaml", None)

    assert calendar.holidays == {date(2026, 12, 25), date(2026, 12, 26)}
    assert calendar.revision != without.revision
    assert "holidays" not in without.tree()


@pytest.mark.parametrize("day", ["2026-02-30", "25.12.2026", "1999-12-31", "20261225", "[]"])
def test_what_is_no_day_is_refused_with_its_place(day: str) -> None:
    with pytest.raises(Invalid, match=r"calendar\.yaml:1:.*such as 2026-12-25"):
        read_calendar(f"holidays: [{day}]\n", "calendar.yaml", None)


def test_nobody_works_on_a_holiday() -> None:
    hours = BusinessHours(frozenset(range(5)), 9 * 60, 17 * 60)
    calendar = Calendar(business_hours=hours, holidays=CLOSED)

    assert calendar.is_within_business_hours(datetime(2026, 12, 23, 12, tzinfo=UTC)) is True
    assert calendar.is_within_business_hours(datetime(2026, 12, 24, 12, tzinfo=UTC)) is False
    assert Calendar().is_within_business_hours(datetime(2026, 12, 24, tzinfo=UTC)) is None
