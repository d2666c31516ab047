"""What a person rejected stays rejected here, whatever else a request for the same commit says
(A18).
"""

from datetime import timedelta
from typing import Any

import pytest

from gate.core.change import Emergency, Planned, Repository, Run
from gate.flow.changes.evaluate import evaluate_change
from tests.builders import ISSUER, SMALL, commit_of, image_of, make_change
from tests.flow.reviewers import TOMORROW, approve, large, override, problem, reject
from tests.flow.shop import OTHER_PIPELINE, PIPELINE, Shop, as_json

pytestmark = pytest.mark.anyio


async def test_a18_asking_again_is_no_way_around_a_rejection(shop: Shop) -> None:
    change = await shop.submit(large())
    await reject(shop, change, "ada")

    again = [await shop.submit(large(run=make_change(letter).run)) for letter in "bcd"]

    assert {one["id"] for one in again} == {change["id"]}
    assert await shop.submitted() == 1


async def test_a18_a_lifted_rejection_is_asked_for_anew(shop: Shop) -> None:
    change = await shop.submit(large())
    await reject(shop, change, "ada")
    assert await problem(override(shop, change, "kofi")) == "not_allowed"

    await override(shop, change, "ben")
    anew = await shop.submit(large(run=make_change("b").run))

    assert (anew["state"], anew["id"] == change["id"]) == ("pending", False)
    assert (await shop.read(change))["state"] == "rejected"
    assert (await shop.records(anew))[0].case.facts["history.rejected_before"].value == 1


async def test_a18_another_commit_is_another_subject(shop: Shop) -> None:
    change = await shop.submit(large("a"))
    await reject(shop, change, "ada")

    assert (await shop.submit(large("b")))["id"] != change["id"]


EVERYTHING = (
    "[{id: everything, title: Everything, owner: platform, authorised_by: [release-managers],"
    " when: [service.known], up_to: critical, earn: none}]"
)
OTHERWISE = [
    pytest.param({"artifacts": (image_of("a"), image_of("d"))}, id="a dummy artifact more"),
    pytest.param({"artifacts": ()}, id="no artifact"),
    pytest.param({"repository": Repository(ISSUER, 1001)}, id="its repository named"),
    pytest.param({"claims": SMALL, "authors": (), "requested_by": None}, id="other claims"),
    pytest.param(
        {"planned": Planned(TOMORROW, TOMORROW + timedelta(hours=1))}, id="for another time"
    ),
    pytest.param({"run": None}, id="without a run"),
]


@pytest.mark.parametrize("different", OTHERWISE)
async def test_a5_a_rejection_is_of_the_commit_here_whatever_else_differs(
    shop: Shop, different: dict[str, Any]
) -> None:
    change = await shop.submit(large())
    await reject(shop, change, "ada")

    asked = large()._replace(run=Run("later", 1, ""))._replace(**different)
    again = await shop.submit(asked, by=OTHER_PIPELINE)

    assert (again["id"], again["state"]) == (change["id"], "rejected")
    assert (
        as_json(await evaluate_change(shop.gate, asked, PIPELINE))["reasons"][0]["rule"]
        == "rejected-here"
    )
    assert await shop.submitted() == 1


@pytest.mark.parametrize(
    "different",
    [
        pytest.param({"commit": commit_of("b")}, id="another commit"),
        pytest.param({"service": "web"}, id="another service"),
        pytest.param({"environment": "staging"}, id="another environment"),
        pytest.param({"emergency": Emergency("fire", "INC-1")}, id="an emergency"),
    ],
)
async def test_a5_it_is_of_nothing_else(shop: Shop, different: dict[str, Any]) -> None:
    change = await shop.submit(large())
    await reject(shop, change, "ada")

    other = await shop.submit(large(run=Run("later", 1, ""), **different))

    assert other["id"] != change["id"]


async def test_a5_a_rejected_emergency_catches_the_commit_on_the_usual_path(shop: Shop) -> None:
    change = await shop.submit("a", emergency=Emergency("fire", "INC-1"))
    await reject(shop, change, "chloe")

    assert (await shop.submit("a", run=Run("later", 1, "")))["id"] == change["id"]


async def test_a5_what_ran_here_may_be_rolled_back_to_whoever_rejected_it_before(
    shop: Shop,
) -> None:
    await reject(shop, await shop.submit(large()), "ada")
    emergency = await shop.submit("a", run=Run("b", 1, ""), emergency=Emergency("fire", "INC-1"))
    await approve(shop, emergency, "chloe")
    await shop.admit(emergency)
    await shop.close(emergency)
    await shop.deploy("b", base=commit_of("a"))

    back = await shop.submit("a", run=Run("c", 1, ""), base=commit_of("b"))

    assert (back["state"], back["standard_change"]) == ("approved", "rollback")
    assert await shop.admit(back)


async def test_a5_every_rejection_has_to_be_lifted(shop: Shop) -> None:
    first, second = (
        await shop.submit(large()),
        await shop.submit(large(run=Run("b", 1, ""), artifacts=())),
    )
    for one in (first, second):
        await reject(shop, one, "ada")

    await override(shop, second, "ben")
    assert (await shop.submit("a", run=Run("c", 1, "")))["id"] == first["id"]
    await override(shop, first, "ben")
    assert (await shop.submit("a", run=Run("c", 1, "")))["state"] == "approved"


@pytest.mark.parametrize("letter", ["a", "b"], ids=["the same commit", "another commit"])
async def test_a5_a_run_that_waits_with_something_else_is_no_way_around_it(
    shop: Shop, letter: str
) -> None:
    """A new attempt of a run takes the place of what its former attempt asked for."""
    own = await shop.submit(large(letter, run=Run("b", 1, ""), artifacts=()))
    rejected = await shop.submit(large())
    await reject(shop, rejected, "ada")

    asked = await shop.submit(large(run=Run("b", 2, "")))

    assert (asked["id"], asked["state"]) == (rejected["id"], "rejected")
    assert (await shop.read(own))["state"] == "pending"
    assert await shop.submitted() == 2


async def test_a5_what_waits_beside_it_does_not_pass_by_itself_later(shop: Shop) -> None:
    """Decided again when nothing else stands in its way any more, it is left to people."""
    rejected = await shop.submit(large())
    beside = await shop.submit("a", run=Run("b", 1, ""), artifacts=(), claims={})
    await reject(shop, rejected, "ada")

    again = await shop.submit("a", run=Run("b", 1, ""), artifacts=(), claims=SMALL)

    assert (again["id"], again["state"]) == (beside["id"], "pending")
    await shop.adopt(standard_changes=EVERYTHING)
    await shop.round()
    waits = await shop.read(beside)
    assert (waits["state"], waits["reasons"][0]["rule"]) == ("pending", "rejected-here")
    assert (await approve(shop, waits, "farida"))["state"] == "approved"


async def test_a5_what_passed_by_itself_before_is_stale_when_it_is_admitted(shop: Shop) -> None:
    passed = await shop.submit("a")
    beside = await shop.submit(large(run=Run("b", 1, ""), artifacts=()))
    await reject(shop, beside, "ada")

    assert await problem(shop.admit(passed)) == "stale_decision"
    now = await shop.read(passed)
    assert (now["state"], now["reasons"][0]["rule"]) == ("pending", "rejected-here")
    assert await problem(shop.admit(passed)) == "not_approved"
