"""The benchmark of the pages fills its gates with what it says."""

from pathlib import Path

import pytest

from benchmarks.pages import PAGES, Ratio, measure


def test_both_gates_answer_every_page(tmp_path: Path) -> None:
    found = measure(tmp_path, waiting=60, rows=70, runs=2)

    assert [one.page for one in found] == list(PAGES)
    assert all(one.few_ms > 0 and one.many_ms > 0 for one in found)


@pytest.mark.parametrize(("many_ms", "ok"), [(13.0, True), (13.1, False)])
def test_a_page_may_take_a_third_longer_and_no_more(many_ms: float, ok: bool) -> None:  # noqa: FBT001 - a column of the table
    assert Ratio("queue", 10.0, many_ms).ok is ok
