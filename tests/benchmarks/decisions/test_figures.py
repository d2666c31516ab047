"""A decision that costs the processor more than before is noticed."""

from pathlib import Path

import pytest

from benchmarks.decisions.figures import compare, keep, kept


@pytest.mark.parametrize(
    ("echoes", "ok"),
    [
        pytest.param(8.81, False, id="more than a tenth worse"),
        pytest.param(8.79, True, id="less than a tenth worse"),
        pytest.param(4.0, True, id="better"),
    ],
)
def test_a_decision_may_cost_a_tenth_more_than_what_is_kept_and_no_more(
    echoes: float,
    ok: bool,  # noqa: FBT001 - a column of the table
) -> None:
    (one,) = compare({"SQLite": echoes}, {"SQLite": 8.0})

    assert one.ok is ok
    assert str(one).endswith("MISSED") is not ok


def test_each_database_is_compared_with_itself() -> None:
    sqlite, server = compare(
        {"SQLite": 8.0, "PostgreSQL": 12.0}, {"PostgreSQL": 8.0, "SQLite": 12.0}
    )

    assert (sqlite.ok, server.ok) == (True, False)
    assert str(server) == (
        "as much as 12.0 echoes, 1.50 of the 8.0 that are kept (target: at most 1.1): MISSED"
    )


def test_what_was_kept_is_what_is_compared_with(tmp_path: Path) -> None:
    place = tmp_path / "figures.json"
    keep({"SQLite": 8.0, "PostgreSQL": 11.115}, place)

    assert kept(place) == {"SQLite": 8.0, "PostgreSQL": 11.12}


def test_without_figures_nothing_fails_and_the_run_says_so(tmp_path: Path) -> None:
    (one,) = compare({"SQLite": 8.0}, kept(tmp_path / "missing.json"))

    assert one.ok
    assert "nothing is kept to compare it with" in str(one)


def test_the_figures_of_the_repository_are_of_both_databases() -> None:
    assert set(kept()) == {"SQLite", "PostgreSQL"}
