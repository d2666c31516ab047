"""Clients under faults hear nothing that is not recorded, and nothing is recorded twice: the short
form of `make faults`.
"""

from pathlib import Path

import pytest

from tests.faults.worlds import Disturbed, lived, world
from tests.postgres_proxies import LostCommits, between, through

pytestmark = pytest.mark.anyio


async def test_f18_f19_without_a_fault_every_answer_agrees(
    postgres_url: str, tmp_path: Path
) -> None:
    assert await lived(postgres_url, tmp_path, replicas=2) == []


async def test_f02_f14_commits_that_fail_or_are_not_answered_lose_and_double_nothing(
    database_url: str, tmp_path: Path
) -> None:
    faults = Disturbed()

    assert await lived(database_url, tmp_path, commits=faults) == []
    assert faults.failures > 5


@pytest.mark.parametrize("commits", [True, False], ids=["the answer is lost", "both are lost"])
async def test_f14_a_connection_that_is_cut_at_its_commit_loses_and_doubles_nothing(
    postgres_url: str,
    tmp_path: Path,
    commits: bool,  # noqa: FBT001 - a case
) -> None:
    lossy = LostCommits(postgres_url.partition("?host=")[2], commits=commits)
    with between(lossy) as port:
        async with world(through(postgres_url, port), tmp_path) as found:
            lossy.every = 5
            await found.load.run(clients=4, stories=2)
            lossy.every = 0

            assert await found.violations() == []
    assert lossy.cut > 2
    assert found.load.unanswered
