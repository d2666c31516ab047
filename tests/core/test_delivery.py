"""DORA's five: what counts as what, and how a figure follows from counts."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.change import Result
from gate.core.delivery import (
    BUCKET_LIMITS,
    BUCKET_RATIO_MAX,
    NAMED_LIMITS,
    NOTHING,
    SPANS,
    Deployed,
    Figures,
    bucketed,
    distribution,
    figures,
    percentile,
    rate,
)

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
OK, ISSUES, BAD, BACK = (
    Result.SUCCESSFUL,
    Result.SUCCESSFUL_ISSUES,
    Result.UNSUCCESSFUL,
    Result.ROLLED_BACK,
)


def deployed(result: Result | None = OK, **different: Any) -> Deployed:
    """A change that was submitted 2 minutes before its admission and ended 10 minutes after it."""
    fields: dict[str, Any] = {
        "submitted_at": AT - 2 * MINUTE,
        "admitted_at": AT,
        "closed_at": None if result is None else AT + 10 * MINUTE,
        "result": result,
        "failed_at": AT + 10 * MINUTE if result in {BAD, BACK} else None,
        "age_hours": 3,
        "is_rework": False,
    }
    return Deployed(**fields | different)


def test_a_deployment_that_goes_on_counts_for_nothing() -> None:
    assert figures(deployed(None)) == NOTHING


@pytest.mark.parametrize("result", [OK, ISSUES])
def test_a_success_counts_and_took_from_the_commit_to_its_end(result: Result) -> None:
    assert figures(deployed(result)) == Figures(1, 0, 0, lead_seconds=bucketed(3 * 3600 + 12 * 60))


def test_of_a_commit_of_unknown_age_there_is_no_lead_time() -> None:
    assert figures(deployed(age_hours=None)) == Figures(1, 0, 0)


def test_a_deployment_that_did_not_succeed_failed_and_waits_for_the_next_success() -> None:
    assert figures(deployed(BAD)) == Figures(1, 1, 0)
    assert figures(deployed(BAD, next_success_at=AT + HOUR)) == Figures(
        1, 1, 0, recovery_seconds=bucketed(3600)
    )


def test_what_was_rolled_back_is_well_again_when_that_was_reported() -> None:
    assert figures(deployed(BACK, failed_at=AT + 30 * MINUTE)) == Figures(
        1, 1, 0, recovery_seconds=bucketed(1800)
    )


def test_an_incident_makes_a_success_failed_once_however_many_there_are() -> None:
    one = (AT + MINUTE, AT + HOUR)
    found = figures(deployed(incidents=(one, one, (AT + 2 * MINUTE, AT + 2 * HOUR))))

    assert found == Figures(1, 1, 0, lead_seconds=bucketed(11520), recovery_seconds=bucketed(7140))


def test_as_long_as_one_incident_goes_on_it_is_not_well_again() -> None:
    assert figures(deployed(incidents=((AT, AT + HOUR), (AT, None)))).recovery_seconds is None


def test_an_incident_makes_a_deployment_of_one_that_was_never_closed() -> None:
    assert figures(deployed(None, incidents=((AT + MINUTE, None),))) == Figures(1, 1, 0)


def test_a_recovery_begins_at_the_earliest_with_the_deployment() -> None:
    assert figures(deployed(incidents=((AT - HOUR, AT + HOUR),))).recovery_seconds == bucketed(3600)


def test_a_clock_that_jumped_gives_no_negative_duration() -> None:
    assert figures(deployed(incidents=((AT, AT - HOUR),))).recovery_seconds == 0


def test_rework_is_counted_beside_the_rest() -> None:
    assert figures(deployed(is_rework=True)).rework == 1


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        pytest.param(0, 10, 0.0, 0.2775, id="none of ten"),
        pytest.param(1, 10, 0.0179, 0.4042, id="one of ten"),
        pytest.param(5, 10, 0.2366, 0.7634, id="half"),
        pytest.param(10, 10, 0.7225, 1.0, id="all"),
        pytest.param(1, 1, 0.2065, 1.0, id="one of one"),
    ],
)
def test_a_rate_has_the_interval_of_wilson(part: int, whole: int, low: float, high: float) -> None:
    found = rate(part, whole)

    assert (found.rate, found.low, found.high) == (part / whole, low, high)


def test_of_nothing_there_is_no_rate() -> None:
    found = rate(0, 0)

    assert (found.rate, found.low, found.high) == (None, None, None)


@given(
    st.integers(1, 10**7).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole)))
)
def test_a_rate_lies_in_its_interval_and_that_within_nothing_and_all(
    counted: tuple[int, int],
) -> None:
    found = rate(*counted)

    assert found.rate is not None
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= found.rate <= found.high <= 1


@given(st.integers(0, NAMED_LIMITS[-1]))
def test_a_duration_is_kept_within_a_tenth(seconds: int) -> None:
    assert abs(bucketed(seconds) - seconds) * 10 <= seconds
    assert bucketed(bucketed(seconds)) == bucketed(seconds)


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_longer_duration_is_never_kept_as_a_shorter_one(one: int, other: int) -> None:
    assert (bucketed(one) <= bucketed(other)) or one > other


def test_what_is_longer_than_ten_years_counts_as_ten_years() -> None:
    assert bucketed(10**12) == bucketed(NAMED_LIMITS[-1]) == NAMED_LIMITS[-1]


def test_there_are_few_buckets_and_every_named_duration_begins_one() -> None:
    steps = [ends / begins for begins, ends in pairwise(BUCKET_LIMITS) if begins >= NAMED_LIMITS[0]]

    assert len(BUCKET_LIMITS) < 120
    assert set(NAMED_LIMITS) <= set(BUCKET_LIMITS)
    assert set(SPANS) <= set(NAMED_LIMITS)
    # a limit is a whole second, so a short one may be half of one late
    assert max(steps) <= BUCKET_RATIO_MAX * (1 + 0.5 / NAMED_LIMITS[0])


@given(st.lists(st.integers(0, 10**8)))
def test_a_distribution_of_buckets_is_that_of_the_durations(durations: list[int]) -> None:
    found = distribution(Counter(map(bucketed, durations)))

    assert [one.n for one in found] == [
        sum(
            one.from_seconds <= seconds and (one.to_seconds is None or seconds < one.to_seconds)
            for seconds in durations
        )
        for one in found
    ]
    assert sum(one.n for one in found) == len(durations)


@given(st.lists(st.integers(1, NAMED_LIMITS[-1]), min_size=1), st.sampled_from([0.5, 0.9]))
def test_a_percentile_of_buckets_is_a_tenth_off_at_most(durations: list[int], share: float) -> None:
    exact = percentile(Counter(durations), share)
    found = percentile(Counter(map(bucketed, durations)), share)

    assert exact is not None
    assert found is not None
    assert abs(found - exact) * 10 <= exact


@given(st.dictionaries(st.integers(0, 999), st.integers(1, 5), min_size=1))
def test_a_percentile_is_one_of_the_values_and_splits_them(counts: dict[int, int]) -> None:
    values = sorted(value for value, n in counts.items() for _ in range(n))

    assert percentile(counts, 0.5) == values[(len(values) - 1) // 2]
    assert percentile(counts, 1.0) == values[-1]


def test_of_nothing_there_is_no_percentile() -> None:
    assert percentile({}, 0.5) is None
    assert percentile({5: 0}, 0.5) is None
