"""Withdrawn, or too late: how a change ends that is not deployed."""

import asyncio
from collections.abc import Mapping

import pytest

from gate.core.change import Emergency, Run, State
from gate.core.facts import Value
from gate.errors import Conflict, NotAllowed, NotFound
from gate.flow.caller import Caller, ChangeHolder, Machine, Role
from gate.flow.changes import cancel as cancel_module
from gate.flow.queries import look
from gate.storage.changes.change_list import ChangeFilters
from tests.builders import SMALL, Wire, commit_of, make_person, person_id
from tests.flow.reviewers import approve, emergency, large, person
from tests.flow.shop import ADA, ADMIN, AUDITOR, OTHER_PIPELINE, PIPELINE, Shop, as_json

pytestmark = pytest.mark.anyio

KOFI = make_person("kofi", "team-web")


async def cancel(shop: Shop, change: Wire, by: Caller = PIPELINE, comment: str = "") -> Wire:
    """Withdraw it."""
    return as_json(await cancel_module.cancel(shop.gate, change["id"], comment, by))


@pytest.mark.parametrize("by", [OTHER_PIPELINE, ADMIN, AUDITOR, KOFI])
async def test_nobody_cancels_what_is_not_theirs(small_shop: Shop, by: Caller) -> None:
    change = await small_shop.submit("a", claims={})

    with pytest.raises(NotAllowed, match="may cancel it"):
        await cancel(small_shop, change, by)

    assert (await small_shop.read(change))["state"] == "pending"


async def test_whoever_cannot_see_it_finds_nothing(small_shop: Shop) -> None:
    change = await small_shop.submit("a")

    for by in (
        Machine("b", Role.PIPELINE, frozenset({"web"})),
        ChangeHolder("chg_" + "0" * 26, PIPELINE.caller),
    ):
        with pytest.raises(NotFound):
            await cancel(small_shop, change, by)


@pytest.mark.parametrize("by", [PIPELINE, ADA, None])
async def test_a_change_is_withdrawn_by_its_own_and_by_whom_it_asks(
    shop: Shop, by: Caller | None
) -> None:
    change = await shop.submit("a", claims={})

    canceled = as_json(
        await cancel(
            shop, change, by or ChangeHolder(change["id"], PIPELINE.caller), "No longer needed"
        )
    )
    again = as_json(await cancel(shop, change))

    (entry,) = await shop.entries("cancellation")
    assert canceled["state"] == "canceled"
    assert again == canceled == await shop.read(change)
    assert entry.fields["by"] == (by or PIPELINE).caller
    assert "needed" not in str(entry.fields["comment"])
    assert (await shop.measures())["canceled"] == 1


@pytest.mark.parametrize("who", ["ada", "ben", "farida"])
async def test_e24_release_managers_and_owners_clear_the_way_whatever_stands_in_it(
    shop: Shop, who: str
) -> None:
    automatic, urgent = await shop.submit("a"), await shop.submit(emergency("e", service="ledger"))
    by_people = await approve(shop, await shop.submit(large("b")), "farida")

    canceled = [
        await cancel(shop, change, person(who)) for change in (automatic, urgent, by_people)
    ]

    assert [change["state"] for change in canceled] == ["canceled"] * 3
    assert [entry.fields["by"] for entry in await shop.entries("cancellation")] == [
        f"person:{person_id(who)}"
    ] * 3


async def test_e24_owners_of_another_service_clear_nothing(small_shop: Shop) -> None:
    change = await small_shop.submit("a", service="web")

    with pytest.raises(NotAllowed, match="a release manager, an owner of its service"):
        await cancel(small_shop, change, person("farida"))


async def test_what_is_past_it_is_not_canceled(small_shop: Shop) -> None:
    deploying = await small_shop.deploy("a", None)
    closed = await small_shop.deploy("b", service="web")
    expired = await small_shop.submit("c", service="ledger")
    await small_shop.let_pass_hours(5)

    for change, state in ((deploying, "deploying"), (closed, "closed"), (expired, "expired")):
        with pytest.raises(
            Conflict, match=f"the change is {state}; only a pending or approved one"
        ):
            await cancel(small_shop, change)


async def test_many_who_cancel_at_once_cancel_once(shop: Shop) -> None:
    change = await shop.submit("a")

    answers = await asyncio.gather(*(cancel(shop, change) for _ in range(10)))

    assert {answer["state"] for answer in answers} == {"canceled"}
    assert len(await shop.entries("cancellation")) == 1


async def test_i1_of_all_that_ends_a_change_at_once_exactly_one_does(shop: Shop) -> None:
    change = await shop.submit("a")

    answers = await asyncio.gather(
        *(shop.admit(change), cancel(shop, change)) * 5, return_exceptions=True
    )

    state = (await shop.read(change))["state"]
    assert state in {"deploying", "canceled"}
    assert len(await shop.entries("admission")) + len(await shop.entries("cancellation")) == 1
    assert {isinstance(answer, dict) for answer in answers[(state == "canceled") :: 2]} == {True}
    assert {type(answer) for answer in answers[(state != "canceled") :: 2]} == {Conflict}


# Expiry


@pytest.mark.parametrize(
    ("claims", "hours"), [pytest.param(SMALL, 4, id="approved"), pytest.param({}, 24, id="pending")]
)
async def test_expiry_is_seen_before_it_is_written_and_written_once(
    shop: Shop, claims: Mapping[str, Value], hours: int
) -> None:
    change = await shop.submit("a", claims=claims)
    await shop.let_pass_hours(hours - 0.1)
    await shop.round()
    in_time = (await shop.read(change))["state"]
    await shop.let_pass_hours(0.2)

    seen = await shop.read(change)
    listed = (await look.changes(shop.gate, ChangeFilters(state=State.EXPIRED), PIPELINE)).items
    unwritten = await shop.entries("expiry")
    await shop.round()
    await shop.round()

    (entry,) = await shop.entries("expiry")
    assert (in_time, seen["state"], unwritten) == (change["state"], "expired", [])
    assert [item.id for item in listed] == [change["id"]]
    assert await shop.read(change) == seen
    assert (entry.change, dict(entry.fields)) == (change["id"], {"state": change["state"]})
    assert (await shop.measures())["expired"] == 1


async def test_an_emergency_is_valid_for_its_own_time(small_shop: Shop) -> None:
    change = await small_shop.submit("a", emergency=Emergency("fire", "INC-1"))

    assert (change["state"], change["expires_at"] is not None, change["valid_until"]) == (
        "pending",
        True,
        None,
    )


async def test_what_runs_or_deploys_never_expires(small_shop: Shop) -> None:
    deploying = await small_shop.deploy("a", None)
    await small_shop.let_pass_hours(24 * 30)
    await small_shop.round()

    assert (await small_shop.read(deploying))["state"] == "deploying"
    assert await small_shop.entries("expiry") == []
    assert (await small_shop.close(deploying))["state"] == "closed"
    assert (await small_shop.submit("b", base=commit_of("a")))["state"] == "approved"


async def test_more_than_one_round_holds_is_taken_by_the_next(small_shop: Shop) -> None:
    changes = [
        await small_shop.submit("a", claims={}, run=Run(str(number))) for number in range(103)
    ]
    await small_shop.let_pass_hours(25)

    await small_shop.round()
    first = len(await small_shop.entries("expiry"))
    await small_shop.round()

    assert (first, len(await small_shop.entries("expiry"))) == (100, len(changes))
