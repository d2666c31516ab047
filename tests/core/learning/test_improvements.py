"""What a proposal needs before it is made, and which direction of a figure is better."""

import pytest

from gate.core.learning.improvements import (
    MEASURED_BY,
    RECURRING_MIN,
    Figure,
    Movement,
    Signal,
    movement,
    recurring,
    separates,
)


@pytest.mark.parametrize(
    ("figure", "before", "after", "found"),
    [
        (Figure.FAIL_RATE, 0.2, 0.1, Movement.BETTER),
        (Figure.FAIL_RATE, 0, 0.1, Movement.WORSE),
        (Figure.LEAD_TIME, 100, 95, Movement.UNCHANGED),
        (Figure.DEPLOYMENTS, 1, 2, Movement.BETTER),
        (Figure.DEPLOYMENTS, 2, 1, Movement.WORSE),
        (Figure.INCIDENTS, 0, 0, Movement.UNCHANGED),
    ],
)
def test_less_is_better_but_of_deployments(
    figure: Figure, before: float, after: float, found: Movement
) -> None:
    assert movement(figure, before, after) is found


@pytest.mark.parametrize(
    ("fired", "fired_failed", "deployments", "failed", "found"),
    [
        (40, 2, 80, 5, False),
        (40, 3, 80, 5, True),
        # a rule that gives points to everything separates nothing either
        (80, 5, 80, 5, False),
        # too little is known
        (39, 0, 80, 5, True),
        (40, 0, 80, 4, True),
    ],
)
def test_a_rule_separates_where_its_changes_fail_more_often(
    fired: int, fired_failed: int, deployments: int, failed: int, *, found: bool
) -> None:
    whole = {"deployments": deployments, "failed": failed}

    assert separates(fired=fired, fired_failed=fired_failed, **whole) is found


def test_a_path_recurs_from_the_third_failure_on() -> None:
    failed = [frozenset({"a", "b"}), frozenset({"a", "c"}), frozenset({"a", "b"})]

    assert recurring(failed) == {"a": RECURRING_MIN}
    assert recurring(failed[:2]) == {}


def test_every_signal_has_a_figure() -> None:
    assert MEASURED_BY.keys() == set(Signal)
