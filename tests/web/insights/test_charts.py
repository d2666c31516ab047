"""Charts as geometry, and rates in words."""

import pytest

from gate.flow.answers.delivery import ShareAnswer
from gate.web.insights.charts import LABEL, VALUE, WIDTH, bars, percent


def row(
    rate: float | None, low: float | None, high: float | None, value: str | None = "low"
) -> ShareAnswer:
    """One rate with its interval."""
    return ShareAnswer(value=value, failed=1, deployments=9, rate=rate, low=low, high=high)


@pytest.mark.parametrize(
    ("share", "said"),
    [(None, "-"), (0.0, "0 %"), (0.125, "12.5 %"), (0.3333, "33.3 %"), (1.0, "100 %")],
)
def test_a_share_is_said_with_one_digit_where_it_has_one(share: float | None, said: str) -> None:
    assert percent(share) == said


@pytest.mark.parametrize(
    ("high", "scale"),
    [(0.01, "5 %"), (0.06, "10 %"), (0.2, "25 %"), (0.3, "50 %"), (0.8, "100 %"), (None, "5 %")],
)
def test_the_scale_is_the_smallest_that_every_interval_fits(high: float | None, scale: str) -> None:
    assert bars([row(0.0, 0.0, high)])["scale"] == scale


def test_nothing_is_drawn_outside_the_room_and_an_empty_bar_is_seen() -> None:
    drawn = bars([row(0.0, 0.0, 0.04), row(1.0, 0.7, 1.0), row(None, None, None)])["rows"]

    assert all(LABEL <= one["low"] <= one["high"] <= WIDTH - VALUE for one in drawn)
    assert [one["bar"] for one in drawn] == [1, WIDTH - VALUE - LABEL, 1]


def test_a_long_name_is_cut_and_none_is_said() -> None:
    labels = [
        one["label"]
        for one in bars([row(0.1, 0.0, 0.2, "a" * 60), row(0.1, 0.0, 0.2, None)])["rows"]
    ]

    assert labels == ["a" * 25 + "…", "none"]
