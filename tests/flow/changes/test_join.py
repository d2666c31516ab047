"""The same run asks again: what is joined, what begins anew, and many who ask at once."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from gate.core.change import Emergency, Repository, Run
from gate.core.facts import Value
from gate.errors import Conflict, Invalid
from gate.flow.changes import cancel
from gate.flow.commands import IdempotencyKey
from tests.builders import ISSUER, SMALL, Wire, commit_of, image_of, make_change
from tests.flow.reviewers import approve, large
from tests.flow.shop import OTHER_PIPELINE, PIPELINE, Shop, make_files, open_shop

pytestmark = pytest.mark.anyio

KEY = IdempotencyKey("key-1", "b" * 64)


async def test_the_same_run_again_joins_its_change(shop: Shop) -> None:
    first = await shop.ask(make_change("a"))
    second = await shop.ask(make_change("a"))

    assert (first.status, second.status) == (201, 200)
    assert first.change_id == second.change_id
    assert await shop.submitted() == 1


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"commit": commit_of("b")}, id="another commit"),
        pytest.param({"artifacts": (image_of("b"),)}, id="another artifact"),
        pytest.param({"emergency": Emergency("fire", "INC-1")}, id="an emergency now"),
    ],
)
async def test_another_subject_in_the_same_attempt_is_refused(
    shop: Shop, other: dict[str, Any]
) -> None:
    await shop.submit("a")

    with pytest.raises(Invalid) as refused:
        await shop.submit("a", **other)

    assert refused.value.problem == "key_reused"
    assert await shop.submitted() == 1


async def test_another_subject_in_a_new_attempt_is_a_new_change_and_leaves_the_old_one_alone(
    shop: Shop,
) -> None:
    old = await shop.deploy("a", None)

    new = await shop.ask(make_change("a", commit=commit_of("b"), run=Run("a", 2, "deploy")))

    assert new.status == 201
    assert new.change_id != old["id"]
    assert (await shop.read(old))["state"] == "deploying"


async def test_an_attempt_that_was_overtaken_is_refused(shop: Shop) -> None:
    await shop.submit("a", run=Run("a", 2, "deploy"))

    with pytest.raises(Conflict, match="overtaken by attempt 2"):
        await shop.submit("a", run=Run("a", 1, "deploy"))


@pytest.mark.parametrize(
    "claims", [pytest.param({}, id="pending"), pytest.param(SMALL, id="approved")]
)
async def test_a_waiting_change_is_joined_by_a_new_attempt_which_it_is_then_known_by(
    shop: Shop, claims: dict[str, Value]
) -> None:
    first = await shop.submit("a", claims=claims)

    second = await shop.ask(make_change("a", run=Run("a", 3, "deploy"), claims=claims))

    joined = orjson.loads(second.body)
    assert (second.status, joined["id"], joined["run"]["attempt"]) == (200, first["id"], 3)
    assert joined == await shop.read(first)


async def test_a_deploying_change_is_joined_by_the_same_attempt(shop: Shop) -> None:
    change = await shop.deploy("a", None)

    again = await shop.ask(make_change("a"))

    assert (again.status, again.change_id, orjson.loads(again.body)["state"]) == (
        200,
        change["id"],
        "deploying",
    )


async def test_a_deploying_change_is_closed_as_failed_when_its_run_is_run_again(shop: Shop) -> None:
    old = await shop.deploy("a", None)

    new = await shop.ask(make_change("a", run=Run("a", 2, "deploy")))

    closed = (await shop.read(old))["closed"]
    assert (closed["result"], closed["notes"]) == ("unsuccessful", "run again")
    assert (new.status, new.change_id != old["id"]) == (201, True)


async def test_what_is_run_again_is_not_in_its_own_way(shop: Shop) -> None:
    await shop.deploy("a", None)

    new = orjson.loads((await shop.ask(make_change("a", run=Run("a", 2, "deploy")))).body)

    assert new["state"] == "approved"
    assert (await shop.admit(new))["payload"]


async def ended_as(shop: Shop, state: str) -> Wire:
    """A change of run `a`, attempt 1, in this final state."""
    if state == "closed":
        return await shop.deploy("a")
    change = await shop.submit("a")
    if state == "canceled":
        await cancel.cancel(shop.gate, change["id"], "", PIPELINE)
    if state == "expired":
        await shop.let_pass_hours(5)
    return change


@pytest.mark.parametrize("state", ["closed", "canceled", "expired"])
async def test_a_change_that_is_over_is_begun_anew_by_a_new_attempt_only(
    shop: Shop, state: str
) -> None:
    over = await ended_as(shop, state)

    same = await shop.ask(make_change("a"))
    new = await shop.ask(make_change("a", run=Run("a", 2, "deploy")))
    joined = await shop.ask(make_change("a", run=Run("a", 2, "deploy")))

    assert (same.status, same.change_id, orjson.loads(same.body)["state"]) == (
        200,
        over["id"],
        state,
    )
    assert (new.status, new.change_id != over["id"]) == (201, True)
    assert (joined.status, joined.change_id) == (200, new.change_id)
    assert (await shop.read(over))["state"] == state


async def test_what_a_policy_refused_is_asked_again_by_a_new_attempt(
    database_url: str, tmp_path: Path
) -> None:
    files = make_files(
        requirements="[{id: green, title: Green, require: [checks.failed == 0], otherwise: reject}]"
    )
    async with open_shop(database_url, tmp_path, files) as shop:
        refused = await shop.submit("a")
        again = await shop.ask(make_change("a", run=Run("a", 2, "deploy")))

        assert (refused["state"], refused["route"]) == ("rejected", "automatic")
        assert (again.status, again.change_id != refused["id"]) == (201, True)


async def test_steps_services_and_environments_of_a_run_are_changes_of_their_own(
    small_shop: Shop,
) -> None:
    asked = [
        make_change("a"),
        make_change("a", run=Run("a", 1, "second step")),
        make_change("a", service="web"),
        make_change("a", environment="staging"),
        make_change("a", repository=Repository(ISSUER, 1001)),
    ]

    assert len({(await small_shop.submit(change))["id"] for change in asked}) == len(asked)


# Many at once


async def at_once(shop: Shop, number: int, change: Any, key: IdempotencyKey | None) -> list[Any]:
    """So many equal requests, all answers."""
    return await asyncio.gather(*(shop.ask(change, key=key) for _ in range(number)))


async def test_twenty_equal_requests_at_once_are_one_change(shop: Shop) -> None:
    answers = await at_once(shop, 20, make_change("a"), KEY)

    assert len({(answer.status, answer.body) for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    assert await shop.submitted() == 1


async def test_twenty_requests_of_a_run_without_a_key_are_one_change(shop: Shop) -> None:
    answers = await at_once(shop, 20, make_change("a"), None)

    assert sorted(answer.status for answer in answers) == [200] * 19 + [201]
    assert len({answer.change_id for answer in answers}) == 1


async def test_equal_requests_that_join_at_once_get_one_answer(shop: Shop) -> None:
    await shop.submit("a")

    answers = await at_once(shop, 10, make_change("a"), KEY)

    assert len({(answer.status, answer.body) for answer in answers}) == 1


async def test_a_new_attempt_that_asks_many_times_at_once_begins_anew_once(shop: Shop) -> None:
    old = await shop.deploy("a", None)

    answers = await at_once(shop, 10, make_change("a", run=Run("a", 2, "deploy")), KEY)

    assert len({(answer.status, answer.body) for answer in answers}) == 1
    assert answers[0].change_id != old["id"]
    assert await shop.submitted() == 2
    assert len(await shop.entries("closure")) == 1


async def test_two_stores_on_one_database_record_equal_requests_once(
    database_url: str, tmp_path: Path
) -> None:
    async with open_shop(database_url, tmp_path) as one, open_shop(database_url, tmp_path) as other:
        answers = await asyncio.gather(
            *(shop.ask(make_change("a"), key=KEY) for shop in (one, other) * 5)
        )

        assert len({answer.body for answer in answers}) == 1
        assert await one.submitted() == 1


# Outside any run


async def test_h1_whoever_asks_again_at_a_terminal_joins_what_waits(shop: Shop) -> None:
    first = await shop.submit(large(run=None))
    waiting = await shop.submit(large(run=None))
    await approve(shop, first, "ada")

    approved = await shop.submit(large(run=None))

    assert {one["id"] for one in (first, waiting, approved)} == {first["id"]}
    assert approved["state"] == "approved"
    assert await shop.submitted() == 1


@pytest.mark.parametrize(
    ("different", "by"),
    [
        pytest.param({"requested_by": "ada@example.com"}, PIPELINE, id="another person asks"),
        pytest.param({"commit": commit_of("c")}, PIPELINE, id="another commit"),
        pytest.param({"artifacts": ()}, PIPELINE, id="another artifact"),
        pytest.param({"environment": "staging"}, PIPELINE, id="another environment"),
        pytest.param({}, OTHER_PIPELINE, id="another token"),
    ],
)
async def test_h1_what_people_approved_is_joined_by_nobody_else(
    small_shop: Shop, different: dict[str, Any], by: Any
) -> None:
    first = await small_shop.submit(large(run=None))
    await approve(small_shop, first, "ada")

    other = await small_shop.submit(large(run=None, **different), by)

    assert other["id"] != first["id"]


async def test_h1_what_is_deployed_or_over_is_asked_for_anew(small_shop: Shop) -> None:
    first = await small_shop.submit("a", run=None)
    await small_shop.admit(first | {"run": {"id": "local", "attempt": 1, "step": ""}})
    beside = await small_shop.submit("a", run=None)
    await small_shop.let_pass_hours(30)

    assert beside["id"] != first["id"]
    assert (await small_shop.submit("a", run=None))["id"] not in {first["id"], beside["id"]}
