"""Points are changed only where that is better on changes that were not looked at, and then in a
form that a person can read.
"""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.core.learning.calibrate import (
    CHANGED_MAX,
    Calibration,
    NotCalibrated,
    _split,
    adjusted,
    calibrate,
    changed,
)
from gate.core.learning.slots import Change, Points
from tests.core.learning.histories import LIMITS, REPAIR, RULES, SIZE, history


def calibrated(changes: list[Change]) -> Calibration:
    found = calibrate(RULES, changes, LIMITS)
    assert isinstance(found, Calibration)
    return found


def refused(changes: list[Change]) -> str:
    found = calibrate(RULES, changes, LIMITS)
    assert isinstance(found, NotCalibrated)
    return found.because


def test_fewer_than_thirty_failures_are_no_evidence() -> None:
    few = [Change("web", bytes([0, n % 2]), failed=n % 2 == 1 and n < 58) for n in range(1_000)]
    enough = [*few[:58], Change("web", bytes([0, 1]), failed=True), *few[59:]]

    assert refused(few).startswith("found 29 failed changes, needed are 30")
    assert not refused(enough).startswith("found 30 failed changes")


def test_nothing_is_changed_where_the_newest_changes_say_otherwise() -> None:
    """What held for four fifths is turned round in the newest."""
    older, newest = history(1_200, (10, 70)), history(300, (70, 10))

    assert refused([*older, *newest]).startswith(
        "the back-test on the newest fifth, 300 changes of which"
    )


def test_one_service_is_not_made_worse_for_the_others() -> None:
    good = [one for name in ("a", "b", "c") for one in history(1_500, service=name)]
    other = history(1_500, (40, 15), service="d", sizes=(0, 10, 20))

    assert "but for one service the area is" in refused([*good, *other])


def test_without_failures_in_the_newest_fifth_nothing_can_be_seen() -> None:
    quiet = [Change("web", one.slots, failed=False) for one in history(300)]

    assert refused([*history(1_200), *quiet]).startswith(
        "the newest fifth, 300 changes of which 0 failed, has no service with both kinds"
    )


def test_points_that_fit_already_are_left_alone() -> None:
    first = calibrated(history(3_000)).points

    again = calibrate(first, history(3_000), LIMITS)

    assert isinstance(again, NotCalibrated)


def test_what_is_better_on_unseen_changes_is_taken_and_its_bands_are_stated() -> None:
    found = calibrated(history(3_000))

    size, repair = found.points
    assert repair.given[0] > REPAIR.given[0]
    assert size.given[-1] < SIZE.given[-1]
    assert (found.test.changes, found.test.after > found.test.before) == (600, True)
    assert sum(band.changes for band in found.bands) == 600
    for band in found.test.bands:
        if band.changes:
            assert band.expected is not None
            assert abs(band.expected - band.failed / band.changes) < 0.1
    assert found.test.error < 0.03


def test_the_same_history_gives_the_same_points_whatever_service_stands_first() -> None:
    one, two = history(1_500, service="a"), history(1_500, service="b")

    assert calibrated([*one, *two]) == calibrated([*two, *one])


def test_at_most_thirty_points_are_others_and_what_matters_least_stays() -> None:
    before = [Points(f"r{n}", "R", tuple(range(12)), tuple(range(12))) for n in range(3)]
    seen = [Change("", bytes([12, 3, 1 if number else 12]), failed=False) for number in range(9)]

    after = adjusted(before, ((5.0,) * 12,) * 3, seen)

    assert list(map(changed, before, after)) == [12, 12, 0]


STEPS = st.lists(st.integers(-100, 100), min_size=1, max_size=12)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(STEPS, st.booleans()), min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)
def test_new_points_keep_the_form_of_the_old_ones(
    rules: list[tuple[list[int], bool]], generator: object
) -> None:
    """At most thirty are others; what rises goes on rising; what takes off never adds; a rule is
    moved as a whole or not at all.
    """
    before = [
        Points(
            f"r{number}", "R", tuple(sorted(given) if rises else given), tuple(range(len(given)))
        )
        if len(given) > 1
        else Points(f"r{number}", "R", tuple(given))
        for number, (given, rises) in enumerate(rules)
    ]
    deltas = tuple(
        tuple(generator.uniform(-90, 90) for _ in one.given)  # type: ignore[attr-defined]  # a Random
        for one in before
    )
    seen = [Change("", bytes([0] * len(before)), failed=False)]

    after = adjusted(before, deltas, seen)

    assert sum(map(changed, before, after)) <= CHANGED_MAX
    for old, new in zip(before, after, strict=True):
        assert all(-100 <= given <= 100 for given in new.given)
        if list(old.given) == sorted(old.given):
            assert list(new.given) == sorted(new.given)
        if not old.limits:
            assert (old.given[0] < 0) == (new.given[0] < 0)


def timed(changes: list[Change], known_after: float | None) -> list[Change]:
    """One a day; a failure became known so many days after its change."""
    return [
        replace(one, at=float(day), known_at=None if known_after is None else day + known_after)
        for day, one in enumerate(changes)
    ]


@pytest.mark.parametrize(
    ("known_after", "counts"),
    [
        pytest.param(0.0, True, id="at once"),
        pytest.param(1.0, True, id="the day after"),
        # When the newest fifth began, nobody knew of any of them.
        pytest.param(1_201.0, False, id="later than the newest fifth began"),
        pytest.param(None, False, id="nobody says when"),
    ],
)
def test_a_failure_counts_from_when_it_became_known(
    known_after: float | None,
    counts: bool,  # noqa: FBT001 - a row of the table
) -> None:
    """The points for the back-test are fitted to what was known when the newest fifth began."""
    found = calibrate(RULES, timed(history(1_500), known_after), LIMITS)

    assert isinstance(found, Calibration) is counts
    if isinstance(found, NotCalibrated):
        assert "is not better" in found.because


def test_where_nobody_says_when_anything_was_all_of_it_was_known() -> None:
    assert calibrate(RULES, timed(history(1_500), 0), LIMITS) == calibrated(history(1_500))


@given(st.integers(0, 1_600), st.integers(0, 1_499))
@settings(max_examples=20, deadline=None)
def test_what_became_known_later_changes_no_older_change(known_after: int, which: int) -> None:
    """Whether a change failed that nobody knew of yet cannot be seen from the older ones."""
    changes = timed(history(1_500), 0)
    failed = replace(changes[which], failed=True, known_at=float(which + known_after))
    older, _ = _split([*changes[:which], failed, *changes[which + 1 :]])
    without, _ = _split([*changes[:which], replace(failed, failed=False), *changes[which + 1 :]])

    if which + known_after > (changes[1_200].at or 0):
        assert [one.failed for one in older] == [one.failed for one in without]
