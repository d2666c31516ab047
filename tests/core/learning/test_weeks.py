"""Weeks lie end to end, in whatever zone, and each has one name."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.learning.weeks import Week, WeeklyTime, read_week, read_weekly_time, week_of

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from(
    [
        ZoneInfo(name)
        for name in ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/Sao_Paulo", "Pacific/Apia")
    ]
)
INSTANTS = st.datetimes(datetime(2001, 1, 8), datetime(2190, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy adds the zone
TICK = timedelta(microseconds=1)


@given(INSTANTS, ZONES)
def test_every_instant_is_in_the_one_week_that_names_it(at: datetime, zone: ZoneInfo) -> None:
    week = week_of(at, zone)

    assert week.begins(zone) <= at < week.ends(zone)
    assert read_week(week.name) == week
    assert week_of(week.begins(zone), zone) == week
    assert week_of(week.ends(zone) - TICK, zone) == week
    assert week.before.ends(zone) == week.begins(zone)
    assert week.after.before == week


@given(INSTANTS, ZONES, st.integers(0, 6), st.integers(0, 23), st.integers(0, 59))
def test_the_newest_weekly_time_is_never_ahead_and_never_a_whole_week_ago(
    at: datetime, zone: ZoneInfo, weekday: int, hour: int, minute: int
) -> None:
    time = WeeklyTime(weekday, hour, minute)
    week = time.newest(at, zone)

    assert week in {week_of(at, zone), week_of(at, zone).before}
    # With the tick of a changed clock between, two of them are up to an hour more than a week apart.
    later = at + timedelta(days=7, hours=2)
    assert time.newest(later, zone) > week


@pytest.mark.parametrize(
    ("text", "monday"),
    [
        ("2026-W48", date(2026, 11, 23)),
        # the last days of December belong to the first week of the next year
        ("2025-W01", date(2024, 12, 30)),
        ("2026-W53", date(2026, 12, 28)),
    ],
)
def test_a_week_is_read_as_iso_writes_it(text: str, monday: date) -> None:
    assert (read_week(text), Week(monday).name) == (Week(monday), text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-48", "found 2026-48, allowed is a week as ISO 8601 writes it"),
        ("2025-W53", "the year 2025 has no week 53"),
        ("2026-W00", "the year 2026 has no week 0"),
        ("1999-W10", "found the year 1999, allowed is 2000 to 2199"),
        ("\u0662026-W48", "found"),
    ],
)
def test_what_is_no_week_is_refused_with_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_week(text)


def test_a_week_in_which_the_clocks_change_has_an_hour_less_or_more() -> None:
    spring, autumn = read_week("2026-W13"), read_week("2026-W43")

    assert spring.begins(BERLIN) == datetime(2026, 3, 22, 23, tzinfo=UTC)
    assert spring.ends(BERLIN) - spring.begins(BERLIN) == timedelta(hours=167)
    assert autumn.ends(BERLIN) - autumn.begins(BERLIN) == timedelta(hours=169)


@pytest.mark.parametrize(
    ("now", "week"),
    [
        (datetime(2026, 11, 30, 7, 59, 59, tzinfo=UTC), "2026-W48"),
        (datetime(2026, 11, 30, 8, tzinfo=UTC), "2026-W49"),
        (datetime(2026, 12, 6, 23, tzinfo=UTC), "2026-W49"),
    ],
)
def test_a_weekly_time_is_that_of_the_calendars_clock(now: datetime, week: str) -> None:
    assert read_weekly_time("mon 09:00").newest(now, BERLIN).name == week


@pytest.mark.parametrize("text", ["", "monday 09:00", "mon 9:00", "mon 24:00", "MON 09:00"])
def test_what_is_no_weekly_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="allowed is a weekday and a time such as mon 09:00"):
        read_weekly_time(text)
