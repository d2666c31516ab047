"""The fit finds what is there, holds to the points in force, and compares like with like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.learning.fit import fit, solved
from gate.core.learning.slots import Change
from tests.core.learning.histories import REPAIR, RULES, SIZE, history


@given(
    st.integers(1, 5).flatmap(
        lambda n: st.lists(
            st.lists(st.integers(-9, 9), min_size=n, max_size=n), min_size=n, max_size=n
        )
    )
)
def test_a_system_is_solved(roots: list[list[int]]) -> None:
    """A matrix times itself, and a little more, has one solution."""
    size = len(roots)
    matrix = [
        [sum(one[a] * one[b] for one in roots) + float(a == b) for b in range(size)]
        for a in range(size)
    ]
    right = [float(number) for number in range(size)]
    upper = [
        [one if b >= a else 0.0 for b, one in enumerate(line)] for a, line in enumerate(matrix)
    ]

    found = solved(upper, right.copy())

    assert [
        sum(one * two for one, two in zip(line, found, strict=True)) for line in matrix
    ] == pytest.approx(right, abs=1e-6)


def test_without_changes_nothing_moves() -> None:
    assert fit(RULES, [], 60) == ((0, 0), (0,))


def test_what_fails_more_often_gains_and_what_says_nothing_stays() -> None:
    size, repair = fit(RULES, history(3_000), 60)

    assert repair[0] > 10
    assert max(size) < 0  # 20 points for nothing are too many


def test_the_stronger_it_is_held_the_nearer_it_stays() -> None:
    changes = history(600)

    (weak,), (strong,), (stronger,) = (fit(RULES, changes, by)[1] for by in (20, 200, 200_000))

    assert weak > strong > stronger > 0
    assert stronger < 1


def test_only_changes_of_one_service_are_compared() -> None:
    """All repairs are of a service in which everything fails: that says nothing of repairs."""
    calm = [Change("calm", bytes([0, 0]), failed=number % 10 == 0) for number in range(500)]
    wild = [Change("wild", bytes([0, 1]), failed=number % 10 != 0) for number in range(500)]

    assert fit((REPAIR,), [Change(c.service, c.slots[1:], c.failed) for c in calm + wild], 20)[0][
        0
    ] == pytest.approx(0, abs=0.2)


def test_only_changes_of_about_the_same_time_are_compared() -> None:
    """Files grow old while a service gets worse: that says nothing of old files."""
    early = [Change("web", bytes([0]), failed=number % 10 == 0) for number in range(1_500)]
    late = [Change("web", bytes([1]), failed=number % 10 != 0) for number in range(1_500)]

    assert fit((REPAIR,), early + late, 20)[0][0] == pytest.approx(0, abs=0.2)


def test_a_step_with_few_changes_moves_with_its_neighbour() -> None:
    changes = [
        change for change in history(3_000, (30, 30), sizes=(-20, 30, 0)) if change.slots[0] < 2
    ]

    ((middle, last),) = fit(
        (SIZE,), [Change("web", one.slots[:1], one.failed) for one in changes], 60
    )

    assert middle > 0
    assert last == pytest.approx(middle, abs=0.5)
