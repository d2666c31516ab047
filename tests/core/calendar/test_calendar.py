"""The openings of windows: limits, exclusions and what is remembered of a day."""

from datetime import UTC, date, datetime, timedelta

from gate.core.calendar.calendar import LATEST, OCCURRENCES_MAX, occurrences
from tests.core.windows import BERLIN, make_calendar, make_freeze, utc

HOUR = timedelta(hours=1)
DAILY = make_freeze("2025-01-01T12:00", HOUR, "FREQ=DAILY")


def test_no_more_than_a_thousand_openings_of_a_window_are_worked_out() -> None:
    found = list(occurrences(DAILY, BERLIN, utc("2025-01-01T00:00"), LATEST))

    assert len(found) == OCCURRENCES_MAX


def test_openings_are_worked_out_for_three_years_at_most() -> None:
    monthly = make_freeze("2025-01-15T12:00", HOUR, "FREQ=MONTHLY")

    assert [*occurrences(monthly, BERLIN, utc("2026-01-01T00:00"), LATEST)][-1].begins == utc(
        "2028-12-15T11:00"
    )


def test_nothing_opens_before_or_after_the_years_of_a_calendar() -> None:
    assert not make_calendar(DAILY).on_day_of(datetime.min.replace(tzinfo=UTC))
    assert not make_calendar(DAILY).on_day_of(datetime.max.replace(tzinfo=UTC))
    assert not [
        *occurrences(
            DAILY, BERLIN, datetime.min.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
        )
    ]


def test_a_window_that_is_longer_than_its_interval_is_open_several_times_at_once() -> None:
    long = make_freeze("2025-01-01T12:00", timedelta(hours=60), "FREQ=DAILY")

    begun = [opening.begins for opening in make_calendar(long).on_day_of(utc("2025-06-10T09:00"))]

    assert begun == [utc(f"2025-06-{day:02}T10:00") for day in (8, 9, 10)]


def test_a_year_long_window_is_open_on_its_last_day() -> None:
    long = make_freeze("2025-01-01T12:00", timedelta(days=366), "FREQ=YEARLY;INTERVAL=3")

    assert make_calendar(long).on_day_of(utc("2026-01-02T00:00"))
    assert not make_calendar(long).on_day_of(utc("2026-01-03T00:00"))


def test_an_excluded_day_is_the_local_day_on_which_a_window_opens() -> None:
    late = make_freeze(
        "2025-01-01T23:30", HOUR, "FREQ=DAILY", excluded_days=frozenset({date(2025, 6, 10)})
    )
    calendar = make_calendar(late)

    assert [
        opening.begins
        for opening in calendar.between(utc("2025-06-09T00:00"), utc("2025-06-12T00:00"))
    ] == [
        utc("2025-06-09T21:30"),
        utc("2025-06-11T21:30"),
    ]


def test_what_is_remembered_of_days_has_a_limit_and_changes_no_answer() -> None:
    calendar = make_calendar(DAILY)
    days = [
        utc("2025-01-01T00:00") + timedelta(days=number) for number in range(OCCURRENCES_MAX + 10)
    ]

    first = [calendar.on_day_of(day) for day in days]

    assert [calendar.on_day_of(day) for day in days] == first
    assert all(len(openings) == 1 for openings in first)
