"""Clients under faults hear nothing that is not recorded, and nothing is recorded twice: the short
form of `make faults`.
"""

from pathlib import Path

import pytest

from gate.storage.database.engine import open_engine
from gate.storage.migrate import SchemaNewer
from gate.storage.store import Store
from gate.storage.tables.schema import metadata
from tests.faults.worlds import Disturbed, lived, world
from tests.postgres_proxies import LostCommits, between, through

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


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
            lossy.every = 3
            await found.load.run(clients=4, stories=2)
            lossy.every = 0

            assert await found.violations() == []
    assert lossy.cut > 2
    assert found.load.unanswered


async def test_f26_a_replica_goes_on_with_a_database_that_a_newer_release_has_extended(
    database_url: str, tmp_path: Path
) -> None:
    async with world(database_url, tmp_path) as found:
        await found.load.run(clients=2, stories=1)
        with open_engine(database_url).begin() as connection:
            for table in metadata.tables:
                connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN of_later TEXT")
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '2999_later'")

        await found.load.run(clients=2, stories=2)

        assert await found.violations() == []
        assert found.load.unanswered == 0
        with pytest.raises(SchemaNewer):
            Store.open(database_url)
