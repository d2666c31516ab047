"""Figures of a ranking: the definitions, counted pair by pair, and ties that bring no luck."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.learning.figures import curve, mean

SCORED = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30)


@given(SCORED)
def test_auc_is_the_chance_that_a_failing_change_scores_higher(
    scored: list[tuple[int, bool]],
) -> None:
    failing = [score for score, failed in scored if failed]
    fine = [score for score, failed in scored if not failed]
    pairs = [1 if bad > good else 0.5 if bad == good else 0 for bad in failing for good in fine]

    assert curve(scored).auc() == (pytest.approx(sum(pairs) / len(pairs)) if pairs else None)


@given(SCORED, st.randoms())
def test_the_order_of_the_changes_says_nothing(
    scored: list[tuple[int, bool]], generator: object
) -> None:
    shuffled = sorted(scored, key=lambda _: generator.random())  # type: ignore[attr-defined]  # a Random

    assert curve(shuffled) == curve(scored)


@given(SCORED, st.floats(0, 1))
def test_what_is_caught_above_and_what_is_left_below_are_all_failures(
    scored: list[tuple[int, bool]], share: float
) -> None:
    found = curve(scored)
    below = found.failure_rate_below(1 - share)

    assert found.caught(0) == 0
    assert found.caught(1) == pytest.approx(found.failed)
    if below is not None:
        left = below * (1 - share) * found.changes
        assert found.caught(share) + left == pytest.approx(found.failed)


def test_equal_scores_share_their_places() -> None:
    found = curve([(1, True), (1, False), (0, False), (0, False)])

    assert (found.auc(), found.caught(0.25), found.recall(0.5)) == (5 / 6, 0.5, 1.0)
    assert found.failure_rate_below(0.5) == 0


def test_without_failures_there_is_no_figure() -> None:
    found = curve([(1, False)])

    assert (found.auc(), found.recall(0.5), mean([None]), mean([None, 0.5, 1])) == (
        None,
        None,
        None,
        0.75,
    )
