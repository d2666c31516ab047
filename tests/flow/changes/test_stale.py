"""A decision that is stale at its admission: what runs has changed, or small changes have become a
large one.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gate.core.change import Result
from gate.errors import Conflict
from tests.builders import SMALL, Wire, commit_of
from tests.flow.reviewers import approve, emergency, refused
from tests.flow.shop import CATALOGUE, EVERYDAY, Shop, make_files, open_shop

pytestmark = pytest.mark.anyio


async def approved_beside(shop: Shop, **different: Any) -> tuple[Wire, Wire]:
    """One that is deploying, and a later one that was approved beside it."""
    deploying = await shop.deploy("b", None)
    return deploying, await shop.submit("c", **different)


@pytest.fixture
def parallel() -> dict[str, str]:
    """Two deployments at once are allowed."""
    return make_files(parallel="allow")


async def test_a_decision_that_was_made_while_something_else_ran_is_stale(
    database_url: str, tmp_path: Path, parallel: dict[str, str]
) -> None:
    async with open_shop(database_url, tmp_path, parallel) as shop:
        deploying, change = await approved_beside(shop)
        await shop.close(deploying)

        problem = await refused(shop, change)

        now = await shop.read(change)
        assert (problem, now["state"], now["decision"]["number"]) == (
            "stale_decision",
            "pending",
            2,
        )
        assert now["reasons"][1]["rule"] == "base-differs"
        assert await shop.entries("refusal") == []


async def test_a_stale_decision_that_is_made_again_alike_is_good_the_next_time(
    database_url: str, tmp_path: Path, parallel: dict[str, str]
) -> None:
    async with open_shop(database_url, tmp_path, parallel) as shop:
        deploying, change = await approved_beside(shop, base=commit_of("b"))
        await shop.close(deploying)

        assert await refused(shop, change) == "stale_decision"
        now = await shop.read(change)
        assert (
            now["state"],
            now["decision"]["number"],
            now["subject_digest"] != change["subject_digest"],
        ) == ("approved", 2, True)
        assert await shop.admit(now)


async def test_a_failed_deployment_meanwhile_makes_nothing_stale(
    database_url: str, tmp_path: Path, parallel: dict[str, str]
) -> None:
    async with open_shop(database_url, tmp_path, parallel) as shop:
        deploying, change = await approved_beside(shop)
        await shop.close(deploying, Result.UNSUCCESSFUL)

        assert await shop.admit(change)


SPLITTING = (
    "[{id: today, title: Many small changes are a large one, points_by: "
    "history.lines_last_24h, steps: {21: 40}},"
    " {id: size, title: Size, points_by: diff.lines_added, steps: {10: 8, 200: 30}}]"
)


async def test_a16_many_small_changes_are_a_large_one_for_those_that_are_asked_later(
    shop: Shop,
) -> None:
    await shop.adopt(rules=SPLITTING)
    states, base = [], None
    for letter in "abcdef":
        change = await shop.submit(letter, base=base)
        states.append((change["state"], change["risk"]["band"]))
        if change["state"] == "approved":
            await shop.admit(change)
            await shop.close(change)
            base = change["commit"]

    assert states == [("approved", "low")] * 3 + [("pending", "moderate")] * 3


async def test_a16_many_small_changes_that_were_approved_together_are_judged_at_their_admission(
    database_url: str, tmp_path: Path
) -> None:
    async with open_shop(
        database_url, tmp_path, make_files(rules=SPLITTING, parallel="allow")
    ) as shop:
        changes = [await shop.submit(letter) for letter in "abcdef"]
        assert {change["state"] for change in changes} == {"approved"}

        answers: list[bool | str] = []
        for change in changes:
            try:
                answers.append(bool(await shop.admit(change)))
            except Conflict as conflict:
                answers.append(conflict.problem)

        assert answers == [True] * 3 + ["stale_decision"] * 3
        assert [(await shop.read(change))["state"] for change in changes[3:]] == ["pending"] * 3


async def test_a_larger_step_of_a_rule_that_fired_already_is_stale_once(
    database_url: str, tmp_path: Path
) -> None:
    rules = (
        "[{id: today, title: Many, points_by: history.changes_last_24h, steps: {1: 2, 2: 4, 3: 6}}]"
    )
    async with open_shop(database_url, tmp_path, make_files(rules=rules, parallel="allow")) as shop:
        await shop.deploy("a", Result.UNSUCCESSFUL)
        first, second = await shop.submit("b"), await shop.submit("c")
        await shop.admit(first)

        assert await refused(shop, second) == "stale_decision"
        assert await shop.admit(await shop.read(second))


# What passed by itself is judged again when it is used


async def lose_it_by_failures(shop: Shop, before: Sequence[Wire]) -> None:
    """Both that were approved before it fail, so the standard change is suspended."""
    for change in before:
        await shop.admit(change)
        await shop.close(change, Result.UNSUCCESSFUL)


async def lose_it_by_a_stricter_policy(shop: Shop, _: Sequence[Wire]) -> None:
    """Another revision is in force, by which nothing of this size passes."""
    strict = EVERYDAY.replace("diff.lines_added < 100", "diff.lines_added < 1")
    await shop.adopt(standard_changes=f"[{strict}]", parallel="allow")


async def lose_it_by_a_catalogue(shop: Shop, _: Sequence[Wire]) -> None:
    """The environment is one for which no policy lets anything pass."""
    files = make_files(parallel="allow")
    files["catalog.yaml"] = CATALOGUE.replace(
        "production: {tier: production,", "production: {tier: testing,"
    )
    await shop.adopt(files)


async def lose_it_by_debt(shop: Shop, _: Sequence[Wire]) -> None:
    """An emergency of the owners was deployed, and nobody looks back on it."""
    urgent = await shop.submit(emergency(environment="staging"))
    await shop.admit(await approve(shop, urgent, "chloe"))
    await shop.close(urgent, Result.UNSUCCESSFUL)
    await shop.let_pass_hours(73)


@pytest.mark.parametrize(
    "lose_it",
    [
        pytest.param(lose_it_by_failures, id="suspended"),
        pytest.param(lose_it_by_a_stricter_policy, id="another policy"),
        pytest.param(lose_it_by_a_catalogue, id="another tier"),
        pytest.param(lose_it_by_debt, id="in debt"),
    ],
)
async def test_what_passed_by_itself_passes_no_more_once_it_would_not(
    database_url: str, tmp_path: Path, lose_it: Callable[[Shop, Sequence[Wire]], Awaitable[None]]
) -> None:
    losing = EVERYDAY.replace("earn: none", "earn: none, suspend: {failures: 2, within: 20}")
    files = make_files(standard_changes=f"[{losing}]", parallel="allow", valid_for="100h")
    async with open_shop(database_url, tmp_path, files) as shop:
        *before, change = [await shop.submit(letter) for letter in "abc"]
        assert change["state"] == "approved"
        await lose_it(shop, before)
        assert (await shop.read(change))["state"] == "approved"

        assert await refused(shop, change) == "stale_decision"
        assert (await shop.read(change))["state"] == "pending"


async def test_what_passes_on_some_days_alone_does_not_pass_on_others(
    database_url: str, tmp_path: Path
) -> None:
    long_ago = timedelta(hours=60)
    asked = [datetime.now(UTC) - long_ago + timedelta(days=more) for more in (0, 1)]
    days = ", ".join(f"{one:%a}".lower() for one in asked)
    on = EVERYDAY.replace("[diff.lines_added < 100]", f"['calendar.weekday in ({days})']")
    files = make_files("time_zone: UTC\n", standard_changes=f"[{on}]", valid_for="100h")
    async with open_shop(database_url, tmp_path, files) as shop:
        shop.hands.ahead = -long_ago
        change = await shop.submit("b")
        shop.hands.ahead = timedelta(0)
        assert (await shop.read(change))["state"] == "approved"

        assert await refused(shop, change) == "stale_decision"
        assert (await shop.read(change))["state"] == "pending"


@pytest.mark.parametrize(
    "clean",
    [
        "history.failures < 1",
        "history.recent_failure_rate < 0.1",
        "history.days_since_failure > 0",
        "history.path_failures < 1",
        "history.path_failure_rate < 0.1",
        "conflicts.dependency_in_flight == false",
        "conflicts.in_flight < 1",
    ],
)
async def test_what_passes_for_its_history_is_judged_by_the_history_of_its_admission(
    database_url: str, tmp_path: Path, clean: str
) -> None:
    on = EVERYDAY.replace("diff.lines_added < 100", clean)
    files = make_files(standard_changes=f"[{on}]", parallel="allow")
    touching = {**SMALL, "diff.files": ("src/rounding.py",)}
    async with open_shop(database_url, tmp_path, files) as shop:
        failing, change = [await shop.submit(letter, claims=touching) for letter in "bc"]
        assert change["state"] == "approved"
        await shop.admit(failing)
        if "conflicts" not in clean:
            await shop.close(failing, Result.UNSUCCESSFUL)
        await shop.admit(await shop.submit("d", service="ledger", claims=touching))

        assert await refused(shop, change) == "stale_decision"
        assert (await shop.read(change))["state"] == "pending"


async def test_what_passed_by_itself_passes_by_another_policy_that_lets_it_pass(
    database_url: str, tmp_path: Path
) -> None:
    async with open_shop(database_url, tmp_path) as shop:
        change = await shop.submit("b")
        await shop.adopt(valid_for="1h")

        assert await shop.admit(change)
