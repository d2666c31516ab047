"""Durations are read as people say them."""

import pytest

from gate.core.durations import DURATION_SECONDS_MAX, after, read_duration, span


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0s",
        "5",
        "h",
        "-1h",
        "1.5h",
        "1w",
        "1 h",
        "1H",
        "٣h",
        "3651d",
        "9999999999s",
        "1h\n",
        "01h",
    ],
)
def test_what_is_no_duration_has_no_seconds(text: str) -> None:
    assert read_duration(text) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("24h", 86_400), ("7d", 604_800), ("3650d", DURATION_SECONDS_MAX)],
)
def test_a_duration_is_whole_seconds(text: str, seconds: int) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_599, "59 min"),
        (3_600, "1 h"),
        (7_500, "2 h 5 min"),
        (172_800, "2 d"),
        (180_000, "2 d 2 h"),
    ],
)
def test_a_span_is_said_in_at_most_two_units(seconds: int, said: str) -> None:
    assert span(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "at once"),
        (0, "at once"),
        (0.9, "at once"),
        (1, "after 1 s"),
        (7_500, "after 2 h 5 min"),
    ],
)
def test_what_took_no_second_was_at_once(seconds: float, said: str) -> None:
    assert after(seconds) == said
