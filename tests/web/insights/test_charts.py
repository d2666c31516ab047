"""Charts as geometry, and rates in words."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.counting import percent
from gate.core.delivery import SPANS, distribution
from gate.core.policy.set import read_policies, rule_titles
from gate.flow.answers.delivery import DivisionsAnswer, ShareAnswer
from gate.flow.answers.insights.over_time import PeriodAnswer, PolicyChangeAnswer
from gate.web.insights.charts import (
    SPARK_DOWN,
    SPARK_UP,
    WIDTH,
    bars,
    in_words,
    over_time,
    spark,
    spread,
)
from gate.web.insights.insights import _rates
from tests.flow.shop import policy_text

MONDAY = date(2026, 3, 2)
WEEK = timedelta(days=7)
NOTHING_SAID: list[PolicyChangeAnswer] = []


def row(
    rate: float | None, low: float | None, high: float | None, value: str | None = "low"
) -> ShareAnswer:
    """One rate with its interval."""
    return ShareAnswer(value=value, failed=1, deployments=9, rate=rate, low=low, high=high)


def test_a_rule_is_called_by_its_title_as_long_as_it_is_in_force() -> None:
    policies = read_policies({"production.yaml": policy_text()})
    found = (row(0.1, 0.0, 0.2, "production/size"), row(0.1, 0.0, 0.2, "production/gone"))
    by = DivisionsAnswer((), (), (), (), found, ())

    (rates,) = _rates(by, rule_titles(policies))

    assert [one.value for one in rates["rows"]] == [
        "Larger changes fail more often",
        "production/gone",
    ]


def weeks(*ended: tuple[int, int]) -> list[PeriodAnswer]:
    """Weeks in a row, each with deployments and failed ones."""
    return [
        PeriodAnswer(MONDAY + number * WEEK, MONDAY + (number + 1) * WEEK, *one)
        for number, one in enumerate(ended)
    ]


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


def test_nothing_is_drawn_outside_the_picture_and_an_empty_bar_is_seen() -> None:
    drawn = bars([row(0.0, 0.0, 0.04), row(1.0, 0.7, 1.0), row(None, None, None)])["rows"]

    assert all(0 <= one["low"] <= one["high"] <= WIDTH for one in drawn)
    assert [one["bar"] for one in drawn] == [1, WIDTH, 1]


def test_every_bar_says_of_how_many_it_is() -> None:
    (drawn,) = bars([row(0.125, 0.0, 0.5)])["rows"]

    assert drawn["text"] == "12.5 %, 1 of 9"


def test_a_long_name_is_cut_and_none_is_said() -> None:
    labels = [
        one["label"]
        for one in bars([row(0.1, 0.0, 0.2, "a" * 60), row(0.1, 0.0, 0.2, None)])["rows"]
    ]

    assert labels == ["a" * 33 + "…", "none"]


@given(
    st.lists(
        st.integers(0, 10**6).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
        min_size=1,
        max_size=13,
    )
)
def test_columns_stay_in_the_picture_and_more_is_never_lower(ended: list[tuple[int, int]]) -> None:
    chart = over_time(weeks(*ended), NOTHING_SAID, MONDAY)
    columns = chart["columns"]

    assert [(one.n, one.failed) for one in columns] == ended
    for one in columns:
        assert 0 <= one.x < one.x + one.width <= WIDTH
        assert 0 < one.label_at < WIDTH
        assert chart["line"] - one.up >= 0
        assert chart["line"] + one.down <= chart["height"]
        assert (one.up > 0, one.down > 0) == (one.n > 0, one.failed > 0)
    by_number = sorted(columns, key=lambda one: one.n)
    assert [one.up for one in by_number] == sorted(one.up for one in columns)


def test_a_change_of_the_policies_stands_at_its_instant_and_this_week_goes_on() -> None:
    middle = datetime(2026, 3, 9, tzinfo=UTC)
    chart = over_time(
        weeks((3, 1), (4, 0)), [PolicyChangeAnswer("a" * 64, middle)], date(2026, 3, 10)
    )

    assert chart["marks"] == [WIDTH / 2]
    assert chart["goes_on"] == [False, True]
    assert [one.label for one in chart["columns"]] == ["2 Mar", "9 Mar"]


def test_where_columns_are_narrow_the_newest_keeps_its_label() -> None:
    labels = [one.label for one in over_time(weeks(*[(1, 0)] * 12), [], MONDAY)["columns"]]

    assert labels[-1] == "18 May"
    assert labels[-2] == ""
    assert sum(map(bool, labels)) == 6


def test_a_distribution_names_every_span() -> None:
    counted = distribution({10: 2, 4000: 1})
    columns = spread(counted)["columns"]

    assert [one.n for one in columns] == [2, 0, 0, 1, 0, 0, 0, 0]
    assert [one.label for one in columns] == [
        "5 min", "15 min", "1 h", "4 h", "24 h", "7 d", "30 d", "longer",
    ]  # fmt: skip
    assert [in_words(one) for one in counted][:2] == ["under 5 min", "5 min to 15 min"]
    assert in_words(counted[-1]) == "30 d or longer"
    assert len(columns) == len(SPANS) + 1


def test_in_a_small_picture_what_failed_hangs_below_the_line() -> None:
    columns = spark(weeks((0, 0), (10, 0), (5, 5)))["columns"]

    assert [(one["up"], one["down"]) for one in columns] == [
        (0, 0),
        (SPARK_UP, 0),
        (SPARK_UP / 2, SPARK_DOWN / 2),
    ]
