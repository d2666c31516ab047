"""What points are fitted to: every change that was deployed and has ended, and no other."""

from pathlib import Path

import pytest

from gate.core.change import Result
from gate.core.decision import record as records
from gate.storage.figures.deployed import newest_deployed
from tests.builders import commit_of
from tests.flow.shop import open_shop


@pytest.mark.anyio
@pytest.mark.parametrize(("limit", "seen"), [(9, ["b", "a"]), (1, ["b"])])
async def test_what_was_deployed_and_has_ended_comes_newest_first(
    database_url: str, tmp_path: Path, limit: int, seen: list[str]
) -> None:
    async with open_shop(database_url, tmp_path) as shop:
        await shop.deploy("a")
        await shop.deploy("b", Result.UNSUCCESSFUL, base=commit_of("a"))
        await shop.submit("c", claims={"diff.lines_added": 500})  # waits for people
        await shop.deploy("d", None, service="web")  # has not ended, so nobody knows
        await shop.deploy("e", service="web", environment="staging")  # of another policy

        found = await shop.gate.store.read(
            lambda conn: list(newest_deployed(conn, "production", limit))
        )

    assert [records.read(one.record).subject.commit for one in found] == list(map(commit_of, seen))
    assert [one.failed for one in found] == [True, False][:limit]
    assert {(one.service, one.environment) for one in found} == {("checkout", "production")}
