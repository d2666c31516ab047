"""One word for controllers: never a success that an admission would refuse."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gate.core.change import Planned, Result
from gate.errors import Conflict, Invalid, NotAllowed
from gate.flow.caller import Machine, Role
from gate.flow.changes import cancel
from gate.flow.commands import FreezeCommand
from gate.flow.policies import freezes
from gate.flow.queries.verdict import VerdictQuery, verdict
from tests.builders import Wire, commit_of, image_of
from tests.flow.reviewers import approve, large, reject
from tests.flow.shop import ADA, ADMIN, AUDITOR, CATALOGUE, PIPELINE, Shop, as_json, make_files

pytestmark = pytest.mark.anyio

BOUND = Machine("bound", Role.PIPELINE, frozenset({"web"}))
NOW = datetime.now(UTC)
TOMORROW = NOW + timedelta(days=1)


async def said(shop: Shop, letter: str = "a", **different: Any) -> Wire:
    """The answer for the commit of that letter."""
    asked = {"service": "checkout", "environment": "production", "commit": commit_of(letter)}
    return as_json(await verdict(shop.gate, VerdictQuery(**{**asked, **different}), PIPELINE))


async def phase(shop: Shop, letter: str = "a", **different: Any) -> str:
    """Its word."""
    return str((await said(shop, letter, **different))["phase"])


# What is no success


async def test_h6_a_token_for_another_service_is_turned_away(small_shop: Shop) -> None:
    with pytest.raises(NotAllowed):
        await verdict(
            small_shop.gate, VerdictQuery("checkout", "production", commit_of("a")), BOUND
        )


async def test_h6_it_has_to_be_said_what_is_deployed(small_shop: Shop) -> None:
    with pytest.raises(Invalid, match=r"\?commit= or \?digest="):
        await verdict(small_shop.gate, VerdictQuery("checkout", "production"), PIPELINE)


@pytest.mark.parametrize(
    "different",
    [
        pytest.param({}, id="a commit that nobody asked for"),
        pytest.param({"service": "unheard-of"}, id="a service that the catalogue lacks"),
        pytest.param({"environment": "moon"}, id="an environment that the catalogue lacks"),
        pytest.param({"digest": image_of("b").digest}, id="another artifact"),
    ],
)
async def test_h6_what_is_unknown_waits(small_shop: Shop, different: dict[str, str]) -> None:
    await small_shop.submit("a" if different else "b")

    answer = await said(small_shop, **different)

    assert (answer["phase"], answer["change"], answer["outcome"]) == ("pending", None, None)


async def test_h6_one_that_was_approved_elsewhere_waits_here(small_shop: Shop) -> None:
    await small_shop.submit("a", environment="staging")

    assert await phase(small_shop) == "pending"
    assert await phase(small_shop, environment="staging") == "success"


async def test_h6_what_people_have_to_decide_waits_until_they_do(shop: Shop) -> None:
    change = await shop.submit(large())
    before = await said(shop)
    await approve(shop, change, "ada")

    assert (before["phase"], before["outcome"], before["change"]) == (
        "pending",
        "pending",
        change["id"],
    )
    assert before["reasons"][0]["because"]
    assert await phase(shop) == "success"


async def test_h6_what_is_over_is_a_failure(small_shop: Shop) -> None:
    await reject(small_shop, await small_shop.submit(large("a")), "ada")
    await cancel.cancel(small_shop.gate, (await small_shop.submit("b"))["id"], "", PIPELINE)
    late = await small_shop.submit("c")
    assert late["state"] == "approved"
    await small_shop.let_pass_hours(5)

    assert [await phase(small_shop, letter) for letter in "abc"] == ["failure"] * 3


@pytest.mark.parametrize("result", [Result.UNSUCCESSFUL, Result.ROLLED_BACK])
async def test_h6_what_failed_is_a_failure(small_shop: Shop, result: Result) -> None:
    await small_shop.deploy("a", result)

    assert await phase(small_shop) == "failure"


async def test_h6_what_was_superseded_is_a_failure_and_going_back_a_success(shop: Shop) -> None:
    await shop.deploy("a")
    running = await phase(shop)
    await shop.deploy("b", base=commit_of("a"))
    superseded = await phase(shop)
    await shop.deploy("a", run=large("c").run)

    assert (running, superseded) == ("success", "failure")
    assert [await phase(shop, letter) for letter in "ab"] == ["success", "failure"]


@pytest.mark.parametrize("stop", [False, True])
async def test_h6_a_freeze_holds_at_once(small_shop: Shop, stop: bool) -> None:  # noqa: FBT001 - a column of the table
    await small_shop.submit("a")
    command = FreezeCommand("closing", stop=stop, ends=None if stop else TOMORROW)
    await freezes.add(small_shop.gate, command, ADA)

    answer = await said(small_shop)

    opens = None if stop else TOMORROW.isoformat().replace("+00:00", "Z")
    assert (answer["phase"], answer["next_opening"]) == ("pending", opens)
    assert (
        "stopped" in answer["reasons"][0]["because"] or "frozen" in answer["reasons"][0]["because"]
    )


@pytest.mark.parametrize(
    ("begins", "ends", "word"),
    [
        pytest.param(1, 2, "pending", id="not yet"),
        pytest.param(-1, 1, "success", id="now"),
        pytest.param(-2, -1, "failure", id="no more"),
    ],
)
async def test_h6_planned_times_bind(small_shop: Shop, begins: int, ends: int, word: str) -> None:
    hour = timedelta(hours=1)
    await small_shop.submit("a", planned=Planned(NOW + begins * hour, NOW + ends * hour))

    assert await phase(small_shop) == word


async def test_h6_an_approver_who_left_the_group_no_longer_counts(small_shop: Shop) -> None:
    change = await small_shop.submit(large())
    await approve(small_shop, change, "ada")
    left = CATALOGUE.replace("{people: [ada, ben]}", "{people: [chloe, ben]}")
    await small_shop.adopt(make_files() | {"catalog.yaml": left})

    assert await phase(small_shop) == "pending"


async def test_h6_another_deployment_in_the_way_waits(small_shop: Shop) -> None:
    await small_shop.submit("a")
    await small_shop.deploy("b", None, run=large("b").run)

    answers = [await said(small_shop, letter) for letter in "ab"]

    assert [one["phase"] for one in answers] == [
        "failure",
        "success",
    ]  # the later one superseded it


async def test_h2_h6_an_observed_approval_is_no_success_once_the_gate_enforces(shop: Shop) -> None:
    watched = CATALOGUE.replace("checkout: {", "checkout: {gate: {production: observe}, ")
    await shop.adopt(make_files() | {"catalog.yaml": watched})
    await shop.submit(large())
    observing = await phase(shop)
    await shop.adopt()

    assert (observing, await phase(shop)) == ("success", "pending")


# What is a success


async def test_h6_a_success_is_what_an_admission_grants(shop: Shop) -> None:
    changes = [await shop.submit("a"), await shop.submit(large("b"))]

    for change, letter in zip(changes, "ab", strict=True):
        word = await phase(shop, letter, digest=image_of(letter).digest)
        try:
            await shop.admit(change)
        except Conflict:
            assert word == "pending"
        else:
            assert word == await phase(shop, letter) == "success"


async def test_h6_asking_changes_nothing(shop: Shop) -> None:
    await shop.submit(large())
    before = (
        await shop.entries(),
        await shop.measures(),
        await shop.read((await said(shop))["change"]),
    )

    for by in (PIPELINE, ADMIN, AUDITOR, ADA):
        await verdict(shop.gate, VerdictQuery("checkout", "prod", commit_of("a")), by)

    after = (
        await shop.entries(),
        await shop.measures(),
        await shop.read((await said(shop))["change"]),
    )
    assert before == after


async def test_e26_of_a_place_that_is_not_there_the_reason_names_what_may_be_meant(
    small_shop: Shop,
) -> None:
    (misspelt,) = (await said(small_shop, service="chekout"))["reasons"]
    (known,) = (await said(small_shop))["reasons"]

    assert misspelt["because"] == (
        f"{known['because']}; the catalogue has no service chekout; did you mean checkout?"
    )
