"""Durations are read as people say them."""

import pytest

from gate.core.durations import DURATION_SECONDS_MAX, read_duration


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
