"""How a standard change is earned, and how it is lost."""

from datetime import UTC, datetime, timedelta

import pytest

from gate.core.change import Result
from gate.core.decision.standard import (
    NEVER_SUSPENDED,
    StandardStatus,
    standard_status,
    to_suspend,
    with_settling,
)
from gate.core.decision.values import Band
from gate.core.history import Match, Suspension
from gate.core.policy.policy import Clause, Earn, StandardChange, Suspend

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ROUTINE = StandardChange(
    id="routine",
    title="Routine release",
    owner="platform",
    authorised_by=("release-managers",),
    when=Clause("", (), lambda _: True),
    up_to=Band.LOW,
    earn=Earn(successes=3, settle_seconds=24 * 3600),
    suspend=Suspend(failures=2, within=4),
)


def match(
    days_ago: float,
    result: Result | None = Result.SUCCESSFUL,
    *,
    failed: bool = False,
    same_commit: bool = False,
) -> Match:
    at = NOW - days_ago * DAY
    return Match(
        "chg", at, same_commit, result, at if result else None, failed, at if failed else None
    )


def failure(days_ago: float) -> Match:
    return match(days_ago, Result.UNSUCCESSFUL, failed=True)


@pytest.mark.parametrize(
    ("matches", "row"),
    [
        pytest.param([], 0, id="nothing yet"),
        pytest.param([match(2), match(3)], 2, id="one short"),
        pytest.param([match(2), match(3), match(4)], 3, id="three in a row"),
        pytest.param([match(0.9), match(2), match(3)], 2, id="one has not settled"),
        pytest.param([match(1), match(2), match(3)], 3, id="settled to the second"),
        pytest.param(
            [match(2, Result.SUCCESSFUL_ISSUES), match(3), match(4), match(5)],
            3,
            id="issues count neither way",
        ),
        pytest.param(
            [match(2, None), match(3), match(4), match(5)], 3, id="never closed counts neither way"
        ),
        pytest.param(
            [match(2, same_commit=True), match(3), match(4)],
            2,
            id="the same commit again is no success",
        ),
        pytest.param([match(2), failure(3), match(4), match(5)], 1, id="a failure ends the row"),
        pytest.param(
            [match(2), match(3, failed=True), match(4), match(5)],
            1,
            id="an incident after success ends it too",
        ),
    ],
)
def test_successes_in_a_row(matches: list[Match], row: int) -> None:
    assert standard_status(ROUTINE, matches, at=NOW) == StandardStatus(
        earned=row >= 3, because=f"{row} of 3 successes in a row are settled"
    )


def test_a_suspension_is_shown_with_its_reason() -> None:
    status = standard_status(
        ROUTINE,
        [match(2), match(3), match(4)],
        Suspension("2 of the last 4 failed, the limit is 2"),
        at=NOW,
    )

    assert status == StandardStatus(
        earned=True, suspended=True, because="2 of the last 4 failed, the limit is 2"
    )


def test_what_was_earned_stays_after_a_reinstatement() -> None:
    matches = [match(2), failure(3), match(4), match(5)]

    assert standard_status(
        ROUTINE, matches, Suspension(None, reinstated_at=NOW - 2.5 * DAY), at=NOW
    ).earned


@pytest.mark.parametrize(
    ("matches", "because"),
    [
        pytest.param([failure(1), match(2)], None, id="below the limit"),
        pytest.param(
            [failure(1), match(2), failure(3)],
            "2 of the last 3 failed, the limit is 2",
            id="at the limit",
        ),
        pytest.param(
            [failure(1), match(2), match(3), match(4), failure(5)],
            None,
            id="the other is too long ago",
        ),
    ],
)
def test_failures_suspend(matches: list[Match], because: str | None) -> None:
    assert ROUTINE.suspend is not None
    assert to_suspend(ROUTINE.suspend, matches, reinstated_at=None) == because


def test_failures_before_a_reinstatement_no_longer_count() -> None:
    assert ROUTINE.suspend is not None
    assert (
        to_suspend(ROUTINE.suspend, [failure(1), failure(3)], reinstated_at=NOW - 2 * DAY) is None
    )


@pytest.mark.parametrize(
    ("matches", "words"),
    [
        pytest.param(
            [],
            "0 of 3 successes in a row are settled, and no other one waits to settle",
            id="nothing yet",
        ),
        pytest.param(
            [match(0.5), match(2)],
            "1 of 3 successes in a row are settled; one more settles on 3 Mar 2026, 00:00 UTC",
            id="one more",
        ),
        pytest.param(
            [match(0.25), match(0.5), match(0.75), match(2)],
            "1 of 3 successes in a row are settled; 3 more settle, the next on "
            "2 Mar 2026, 18:00 UTC",
            id="several, and the oldest of them is the next",
        ),
        pytest.param(
            [match(0.25), failure(0.5), match(0.75)],
            "0 of 3 successes in a row are settled; one more settles on 3 Mar 2026, 06:00 UTC",
            id="what came before a failure settles in vain",
        ),
        pytest.param(
            [match(0.25, Result.SUCCESSFUL_ISSUES), match(0.3, None), match(0.4, same_commit=True)],
            "0 of 3 successes in a row are settled, and no other one waits to settle",
            id="what counts neither way settles nothing",
        ),
    ],
)
def test_e26_not_earned_yet_says_how_many_are_settled_and_when_the_next_will_be(
    matches: list[Match], words: str
) -> None:
    status = standard_status(ROUTINE, matches, at=NOW)
    earn = ROUTINE.earn or Earn(0, 0)

    found = with_settling(status, earn, matches, NEVER_SUSPENDED, at=NOW)

    assert (found.because, found.earned, found.suspended) == (
        words,
        status.earned,
        status.suspended,
    )


def test_what_a_reinstatement_forgave_ends_no_row() -> None:
    matches = [match(0.25), failure(2), match(3)]
    forgiven = Suspension(None, reinstated_at=NOW - DAY)
    earn = ROUTINE.earn or Earn(0, 0)

    found = with_settling(
        standard_status(ROUTINE, matches, forgiven, at=NOW), earn, matches, forgiven, at=NOW
    )

    assert (
        found.because
        == "1 of 3 successes in a row are settled; one more settles on 3 Mar 2026, 06:00 UTC"
    )
