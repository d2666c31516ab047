"""Speed is never said without stability."""

from dataclasses import replace
from typing import Any

import pytest

from gate.core.learning.scorecard import COMPARED_MIN, Pace, verdict

BEFORE = Pace(20, 30, lead_seconds=3_600, fail_rate=0.1, incidents=2, recovery_seconds=600)


@pytest.mark.parametrize(
    ("now", "words"),
    [
        ({}, "unchanged"),
        ({"lead_seconds": 3_500}, "unchanged"),
        ({"lead_seconds": 1_800}, "faster"),
        ({"deployments": 40, "incidents": 4}, "faster"),
        ({"lead_seconds": 1_800, "fail_rate": 0.3}, "faster and less stable"),
        ({"deployments": 40, "incidents": 9}, "faster and less stable"),
        # What fails more often is not made up for by being repaired sooner.
        (
            {"lead_seconds": 1_800, "fail_rate": 0.3, "recovery_seconds": 60},
            "faster and less stable",
        ),
        ({"lead_seconds": 1_800, "fail_rate": 0.05}, "faster and more stable"),
        ({"fail_rate": 0.3}, "less stable"),
        ({"lead_seconds": 7_200, "deployments": 90, "incidents": 9}, "slower"),
        ({"lead_seconds": 7_200, "incidents": 0}, "slower and more stable"),
        ({"lead_seconds": None, "deployments": 10, "incidents": 1}, "slower"),
        ({"lead_seconds": None, "recovery_seconds": None, "fail_rate": None}, "unchanged"),
        ({"deployments": COMPARED_MIN - 1}, "too few to compare"),
    ],
)
def test_speed_and_stability_are_said_together(now: dict[str, Any], words: str) -> None:
    assert verdict(BEFORE, replace(BEFORE, **now)) == words


def test_too_few_before_say_nothing_either() -> None:
    few = replace(BEFORE, deployments=COMPARED_MIN - 1)

    assert verdict(few, BEFORE) == "too few to compare"
