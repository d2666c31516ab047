"""`gate db prune`: nothing is pruned unless somebody says how long it is kept."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gate.core.change import Result
from gate.core.messages.reports import DeploymentReport
from gate.flow.incidents.observe import deployment_seen
from tests.cli.running import gate
from tests.flow.shop import open_shop


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--yes", "nothing is pruned unless you say how long it is kept: set --keep-texts"),
        ("--keep-texts 1s", "--keep-texts: found 1s, allowed is 30d or longer, because people"),
        ("--keep-measures 29d --yes", "--keep-measures: found 29d, allowed is 30d or longer"),
        ("--keep-texts 2years", "--keep-texts: found 2years, allowed is a duration such as 90s"),
    ],
)
@pytest.mark.usefixtures("url")
def test_without_a_time_nothing_is_pruned(arguments: str, words: str) -> None:
    done = gate("db", "prune", *arguments.split())

    assert (done.code, done.out, done.err.startswith(words)) == (1, "", True)


@pytest.mark.anyio
async def test_a_plan_changes_nothing_and_what_is_deleted_has_an_entry(
    url: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE_KEEP_SIGHTINGS", "365d")
    long_ago = datetime.now(UTC) - timedelta(days=400)
    seen = DeploymentReport(
        source="github", service="checkout", environment="production", commit="a" * 40,
        digests=(), result=Result.SUCCESSFUL, at=long_ago, repository=None, url="",
    )  # fmt: skip
    async with open_shop(url, here) as shop:
        await deployment_seen(shop.gate, seen)
        planned = await asyncio.to_thread(gate, "db", "prune")
        entries = await shop.entries("erasure")
        done = await asyncio.to_thread(gate, "db", "prune", "--yes")
        again = await asyncio.to_thread(gate, "db", "prune", "--yes")
        (entry,) = await shop.entries("erasure")

    what = "deployments that other systems saw last over 365d ago"
    assert planned.out.startswith(f"{what}: 1 would be deleted\n")
    assert entries == []
    assert done.out.startswith(f"{what}: 1 deleted\n")
    assert again.out.startswith(f"{what}: 0 deleted\n")
    assert entry.fields["rows"] == {"sightings": 1}
    assert entry.fields["kept"] == {"sightings": "365d"}
