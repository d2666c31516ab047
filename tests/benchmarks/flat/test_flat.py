"""What `make bench-flat` prints, and when it fails."""

import pytest

from benchmarks.flat.__main__ import QUESTIONS, Ratio, verdict


@pytest.mark.parametrize(("many_ms", "ok"), [(13.0, True), (13.1, False)])
def test_a_question_may_take_a_third_longer_and_no_more(many_ms: float, ok: bool) -> None:  # noqa: FBT001 - a column of the table
    assert Ratio("SQLite", "submit", 10.0, many_ms, rounds=61).ok is ok


def test_what_is_missed_is_said_by_its_name() -> None:
    good = Ratio("SQLite", "submit", 10.0, 9.0, rounds=61)
    bad = Ratio("PostgreSQL", "insights", 10.0, 39.4, rounds=61)

    assert str(good).endswith("0.90 x  n 61")
    assert str(bad).endswith("3.94 x  n 61  MISSED")
    assert verdict([good, bad]) == "MISSED, above 1.3 x: insights on PostgreSQL"


def test_all_within_is_said_too() -> None:
    assert verdict([Ratio("SQLite", "submit", 10.0, 9.0, rounds=61)]) == "every target is met"


def test_all_nine_of_the_promise_are_asked() -> None:
    promised = ("submit", "point read", "queue", "log", "search", "insights", "DORA", "evidence")

    assert all(any(name in asked for asked in QUESTIONS) for name in promised)
    assert "log, deep" in QUESTIONS
