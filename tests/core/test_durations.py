"""Durations are read and written as people say them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.durations import DURATION_SECONDS_MAX, duration_text, read_duration


@pytest.mark.parametrize("text", ["", "0s", "5", "h", "-1h", "1.5h", "1w", "1 h", "1H", "٣h", "3651d", "9999999999s", "1h\n", "01h"])
def test_what_is_no_duration_has_no_seconds(text: str) -> None:
    assert read_duration(text) is None


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("24h", 86_400), ("7d", 604_800), ("3650d", DURATION_SECONDS_MAX)]
)
def test_a_duration_is_whole_seconds(text: str, seconds: int) -> None:
    assert read_duration(text) == seconds


@given(st.integers(1, DURATION_SECONDS_MAX))
def test_what_is_written_is_read_back(seconds: int) -> None:
    assert read_duration(duration_text(seconds)) == seconds


def test_the_largest_unit_that_divides_is_taken() -> None:
    assert [duration_text(seconds) for seconds in (90, 3600, 86_400, 90_000)] == ["90s", "1h", "1d", "25h"]
