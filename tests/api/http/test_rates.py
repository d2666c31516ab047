"""So many requests a second and caller, and as many at once (A61)."""

import pytest

from gate.api.http import rates
from gate.api.http.rates import Rates
from gate.errors import RateLimited


class Now:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        """What it shows."""
        return self.at


def taken(limit: Rates, caller: str, times: int) -> int:
    """How many of so many requests pass."""
    passed = 0
    for _ in range(times):
        try:
            limit.take(caller)
        except RateLimited:
            continue
        passed += 1
    return passed


def test_a_flood_passes_as_fast_as_the_limit_says() -> None:
    now = Now()
    limit = Rates(10, now)

    assert taken(limit, "a", 100) == 10
    now.at += 0.5
    assert taken(limit, "a", 100) == 5
    now.at += 60
    assert taken(limit, "a", 100) == 10


def test_refused_requests_do_not_count() -> None:
    now = Now()
    limit = Rates(10, now)
    taken(limit, "a", 1000)

    now.at += 1

    assert taken(limit, "a", 10) == 10


def test_a61_the_flood_of_one_is_not_felt_by_another() -> None:
    limit = Rates(10, Now())
    taken(limit, "a", 1000)

    assert taken(limit, "b", 10) == 10


def test_no_limit_is_no_limit() -> None:
    assert taken(Rates(0, Now()), "a", 1000) == 1000


def test_callers_are_forgotten_before_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "CALLERS_MAX", 3)  # 10,000 would be slow
    now = Now()
    limit = Rates(10, now)

    assert [taken(limit, f"c{k}", 20) for k in range(9)] == [10] * 9
    now.at += 2
    assert taken(limit, "c0", 20) == 10
