"""Days are whole, in UTC, and each instant lies in one of them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from gate.core.days import Days, date_of, day_of, day_of_date, days_touched, last_days

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)
TODAY = day_of(MIDNIGHT)


def test_a_day_begins_at_midnight_and_ends_before_the_next_one() -> None:
    assert day_of(MIDNIGHT - MOMENT) == TODAY - 1
    assert day_of(MIDNIGHT + DAY - MOMENT) == TODAY
    assert Days(TODAY, TODAY + 1).begins_at == MIDNIGHT
    assert Days(TODAY, TODAY + 1).ends_at == MIDNIGHT + DAY


@pytest.mark.parametrize(
    ("begins", "ends", "days"),
    [
        pytest.param(MIDNIGHT, MIDNIGHT + DAY, Days(TODAY, TODAY + 1), id="one whole day"),
        pytest.param(
            MIDNIGHT, MIDNIGHT + DAY + MOMENT, Days(TODAY, TODAY + 2), id="a moment of the next"
        ),
        pytest.param(
            MIDNIGHT - MOMENT, MIDNIGHT, Days(TODAY - 1, TODAY), id="the last moment of one"
        ),
        pytest.param(MIDNIGHT, MIDNIGHT, Days(TODAY, TODAY), id="no time"),
    ],
)
def test_a_time_touches_the_days_in_which_it_has_a_moment(
    begins: datetime, ends: datetime, days: Days
) -> None:
    assert days_touched(begins, ends) == days


def test_the_last_days_end_with_the_one_that_goes_on() -> None:
    assert last_days(7, MIDNIGHT) == Days(TODAY - 7, TODAY)
    assert last_days(7, MIDNIGHT + MOMENT) == Days(TODAY - 6, TODAY + 1)


def test_the_days_before_are_as_many() -> None:
    days = Days(TODAY, TODAY + 30)

    assert days.length == days.before.length == 30
    assert days.before.ends == days.begins


def test_a_day_has_one_date() -> None:
    assert date_of(TODAY) == date(2026, 3, 2)
    assert day_of_date(date(2026, 3, 2)) == TODAY
    assert day_of_date(date(1970, 1, 1)) == 0
