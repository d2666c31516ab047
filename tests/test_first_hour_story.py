"""The first automatic approval in production: a team at GitHub without an App begins by observing,
and nobody approves anything by hand before it.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from gate.config import Settings
from gate.connections import connections_of
from gate.core.change import Run
from gate.core.facts import Value
from gate.core.workload import Provider, Workload
from gate.flow.changes import submit
from gate.flow.gate import Gate
from gate.flow.lent import lend
from tests.builders import ISSUER, Wire, commit_of, make_change
from tests.flow.shop import Shop, open_shop
from tests.integrations.fake_github import FakeGitHub
from tests.integrations.github_answers import (
    REPOSITORY,
    check,
    commit,
    comparison,
    file,
    pull,
    said,
)
from tests.shipped import never_frozen

pytestmark = pytest.mark.anyio

TOKEN = "ghs_of_the_job"  # noqa: S105 - of a fake
ROW = "123456789"
"""Commits, one after the other. With the first everything is new, so it is no routine release."""

MEASURED: dict[str, Value] = {
    "diff.files": ("src/cart.py",),
    "diff.directories": 1,
    "diff.lines_deleted": 2,
    "diff.file_authors": 1,
    "diff.prior_changes": 1,
    "diff.days_since_touched": 9,
    "author.subsystem_changes": 12,
    "change.fixes_defect": False,
}
"""What the client reads in the clone, beside what GitHub says."""


def remembered() -> FakeGitHub:
    """Every commit is small, was reviewed by somebody else, and has green checks."""
    spans = zip(f"0{ROW}", ROW, strict=False)
    return FakeGitHub(
        tokens={TOKEN: 4e9},
        compares={
            f"{commit_of(base)}...{commit_of(head)}": comparison(
                commits=[commit("cy", sha=commit_of(head))], files=[file(additions=2, deletions=2)]
            )
            for base, head in spans
        },
        pulls={commit_of(one): [pull(int(one), head={"sha": commit_of(one)})] for one in ROW},
        reviews={int(one): [said("APPROVED", commit_id=commit_of(one))] for one in ROW},
        pull_commits={int(one): [commit("cy", sha=commit_of(one))] for one in ROW},
        check_runs={commit_of(one): [check()] for one in ROW},
        writers={"ada-gh": "write"},
    )


def files(folder: Path, word: str) -> dict[str, str]:
    """The shipped policies; `word` is what the catalogue says of checkout in production."""
    found = {one.name: one.read_text() for one in never_frozen(folder).glob("*.yaml")}
    shipped = "  checkout:\n"
    assert shipped in found["catalog.yaml"]
    watched = f"{shipped}    gate: {{production: {word}}}\n"
    return found | {"catalog.yaml": found["catalog.yaml"].replace(shipped, watched)}


@pytest.fixture
async def shop(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(sqlite_url, tmp_path, files(tmp_path, "observe")) as opened:
        yield opened


class Team:
    """Whoever merges and deploys; each deployment is a run of its own that lends its token."""

    def __init__(self, shop: Shop) -> None:
        joined = connections_of(Settings.read({}), remembered().open_client)
        self.shop = shop
        self.gate: Gate = replace(shop.gate, hosts=joined.hosts, lenders=joined.lenders)

    def job(self, one: str) -> Workload:
        """The job that deploys this commit, as its identity token proves it."""
        return Workload(
            issuer=ISSUER,
            provider=Provider.GITHUB,
            repository=REPOSITORY,
            commit=commit_of(one),
            run=Run(one),
            jti=f"of {one}",
            expires_at=datetime(2199, 1, 1, tzinfo=UTC),
            login="cy",
            ref="refs/heads/main",
            ref_protected=True,
            event="push",
            services=frozenset({"checkout"}),
        )

    async def ask(self, one: str) -> Wire:
        """It asks."""
        by, before = self.job(one), commit_of(str(int(one) - 1))
        change = make_change(
            one, commit=commit_of(one), base=before, run=by.run, claims=MEASURED, artifacts=()
        )
        answer = await submit.submit(lend(self.gate, by, TOKEN), change, by)
        found: Wire = orjson.loads(answer.body)
        return found

    async def deploy(self, one: str) -> Wire:
        """And goes on, if it may."""
        change = await self.ask(one)
        await self.shop.admit(change, self.job(one))
        return await self.shop.close(change, by=self.job(one))


async def test_h2_h3_after_five_routine_ones_the_next_passes_by_itself_and_nobody_approved_any(
    shop: Shop, tmp_path: Path
) -> None:
    team = Team(shop)
    for one in "123456":
        change = await team.deploy(one)
        assert (change["route"], change["observed"]["outcome"]) == ("observed", "pending")
        await shop.let_pass_hours(1)
    await shop.let_pass_hours(24)

    await shop.adopt(files(tmp_path, "enforce"))
    change = await team.ask("7")

    assert (change["state"], change["type"], change["route"]) == (
        "approved",
        "standard",
        "automatic",
    ), change["reasons"]
    assert change["standard_change"] == "routine-release"
    assert await shop.entries("approval") == []


async def test_h2_h3_one_success_less_is_not_enough(shop: Shop, tmp_path: Path) -> None:
    team = Team(shop)
    for one in "12345":
        await team.deploy(one)
        await shop.let_pass_hours(1)
    await shop.let_pass_hours(24)

    await shop.adopt(files(tmp_path, "enforce"))
    change = await team.ask("6")

    assert (change["state"], change["route"]) == ("pending", "review")
    assert "4 of 5" in change["reasons"][0]["because"]
