"""Which instants the gate takes, and that it can compute with every one of them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.instants import FIRST, LAST, from_us, in_utc, to_us

HOURS = st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours)))
ANY = st.datetimes(timezones=HOURS)  # the years 1 to 9999, with any offset


@given(ANY)
def test_what_is_taken_is_the_same_instant_and_survives_being_kept(instant: datetime) -> None:
    at = in_utc(instant)

    if at is None:
        assert not FIRST <= instant <= LAST
    else:
        assert (at, at.tzinfo, from_us(to_us(at))) == (instant, UTC, at)


@given(
    st.datetimes(
        min_value=FIRST.replace(tzinfo=None),
        max_value=LAST.replace(tzinfo=None),
        timezones=st.just(UTC),
    ),
    HOURS,
)
def test_a_century_before_and_after_what_is_taken_is_still_a_time_everywhere(
    instant: datetime, zone: timezone
) -> None:
    for years in (-100, 0, 100):
        assert (instant + timedelta(days=365 * years)).astimezone(zone).isoformat()


@pytest.mark.parametrize(
    ("instant", "taken"),
    [
        pytest.param(FIRST, True, id="the first"),
        pytest.param(FIRST - timedelta(microseconds=1), False, id="before the first"),
        pytest.param(LAST, True, id="the last"),
        pytest.param(LAST + timedelta(microseconds=1), False, id="after the last"),
        pytest.param(
            datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))),
            False,
            id="no instant in UTC any more",
        ),
        pytest.param(
            datetime.min.replace(tzinfo=timezone(timedelta(hours=14))), False, id="none in UTC yet"
        ),
    ],
)
def test_the_ends(instant: datetime, *, taken: bool) -> None:
    assert (in_utc(instant) is not None) is taken
