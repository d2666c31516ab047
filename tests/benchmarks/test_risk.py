"""The shipped points on the shared data, where that lies beside the repository."""

import pytest

from benchmarks.risk.__main__ import MAP, Figures, figures, main, worse
from gate.core.facts import FACTS
from gate.core.learning.figures import curve
from gate.core.learning.map import read_map
from tests.shared_data import shared

HALF = Figures(0.5, 0.1, 0.2, 0.3)


def test_the_map_of_the_shared_data_names_facts_and_an_order() -> None:
    found = read_map(MAP.read_bytes(), MAP.name)

    assert {one.fact.name for one in found.columns} <= set(FACTS)
    assert found.order == "seq"


def test_what_counting_lines_does_better_is_said() -> None:
    less = Figures(0.4, 0.1, 0.3, 0.35)

    assert worse({"here": (HALF, less), "there": (HALF, HALF)}) == [
        "here: auc by 0.100",
        "here: fail_auto50 by 0.050",
    ]


def test_a_project_without_failures_has_no_figures() -> None:
    assert figures(curve([(1, False)])) == Figures(0, 0, 0, 0)


@pytest.mark.slow
def test_the_shipped_points_are_better_than_their_floor(capsys: pytest.CaptureFixture[str]) -> None:
    assert shared("risk/changes.csv.gz").is_file()

    assert main() == 0
    assert "AUC 0.809" in capsys.readouterr().out
