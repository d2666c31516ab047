"""Clients under faults hear nothing that is not recorded, and nothing is recorded twice: the short
form of `make faults`.
"""

from pathlib import Path

import pytest

from tests.faults.worlds import Disturbed, lived

pytestmark = pytest.mark.anyio


async def test_f18_f19_without_a_fault_every_answer_agrees(
    database_url: str, tmp_path: Path
) -> None:
    assert await lived(database_url, tmp_path, replicas=2) == []


async def test_f02_f14_commits_that_fail_or_are_not_answered_lose_and_double_nothing(
    database_url: str, tmp_path: Path
) -> None:
    faults = Disturbed()

    assert await lived(database_url, tmp_path, commits=faults) == []
    assert faults.failures > 5
