"""How often somebody may fail: enough for clumsy fingers, too few for guessing, and never for ever
(A30).
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import RateLimited
from gate.flow import attempts
from gate.flow.attempts import (
    ACCOUNT_FAILURES_MAX,
    ACCOUNT_PAUSE_SECONDS,
    CALLBACK_FAILURES_MAX,
    CALLBACK_PAUSE_SECONDS,
    SOURCE_FAILURES_MAX,
    Attempts,
    Callbacks,
)


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def fails(book: Attempts, account: str = "ada", source: str = "here", times: int = 1) -> int:
    """How many of so many failures were let through."""
    passed = 0
    for _ in range(times):
        try:
            book.begin(account, source)
        except RateLimited:
            continue
        passed += 1
    return passed


def test_a30_so_many_failures_and_then_one_a_minute() -> None:
    clock = Clock()
    book = Attempts(clock)

    assert fails(book, times=ACCOUNT_FAILURES_MAX + 5) == ACCOUNT_FAILURES_MAX
    clock.now += ACCOUNT_PAUSE_SECONDS - 1
    assert fails(book) == 0
    clock.now += 1
    assert fails(book, times=5) == 1
    clock.now += ACCOUNT_PAUSE_SECONDS * ACCOUNT_FAILURES_MAX * 2
    assert fails(book, times=ACCOUNT_FAILURES_MAX + 5) == ACCOUNT_FAILURES_MAX


def test_a30_somebody_elses_failures_keep_nobody_out() -> None:
    book = Attempts(Clock())
    fails(book, times=50)

    assert fails(book, source="there") == 1
    assert fails(book, account="ben") == 1


def test_a30_one_source_does_not_try_every_account() -> None:
    book = Attempts(Clock())

    passed = sum(fails(book, account=f"account {n}") for n in range(SOURCE_FAILURES_MAX + 50))

    assert passed == SOURCE_FAILURES_MAX
    assert fails(book, source="there") == 1


def test_a30_the_wait_is_told() -> None:
    book = Attempts(Clock())
    fails(book, times=ACCOUNT_FAILURES_MAX)

    with pytest.raises(RateLimited, match=r"wait 6\d s and try again"):
        book.begin("ada", "here")


@given(st.integers(1, 30))
def test_who_succeeds_was_never_counted(times: int) -> None:
    book = Attempts(Clock())
    for _ in range(times):
        book.begin("ada", "here")
        book.succeed("ada", "here")

    assert fails(book, times=ACCOUNT_FAILURES_MAX + 1) == ACCOUNT_FAILURES_MAX


def test_memory_is_bounded_and_forgets_who_came_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "REMEMBERED_MAX", 3)
    book = Attempts(Clock())
    fails(book, source="first", times=ACCOUNT_FAILURES_MAX)

    for n in range(3):
        fails(book, source=f"another {n}")

    assert fails(book, source="first") == 1


def test_d22_who_comes_back_and_is_not_let_in_waits_and_others_do_not() -> None:
    clock = Clock()
    book = Callbacks(clock)
    for _ in range(CALLBACK_FAILURES_MAX):
        book.begin("here")

    with pytest.raises(RateLimited):
        book.begin("here")
    book.begin("elsewhere")
    clock.now += CALLBACK_PAUSE_SECONDS
    book.begin("here")


def test_d22_strays_have_an_end_and_keep_nobody_out_who_left_from_here() -> None:
    book = Callbacks(Clock())
    for _ in range(SOURCE_FAILURES_MAX):
        book.stray("here")

    with pytest.raises(RateLimited):
        book.stray("here")
    book.begin("here")
