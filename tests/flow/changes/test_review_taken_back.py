"""An approval is taken back by whoever gave it, until the change is admitted."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gate.errors import Conflict
from gate.flow.changes import cancel, review
from tests.builders import Wire
from tests.flow.ledger.exported import faults_of, settle
from tests.flow.reviewers import approve, large, person, problem, reject
from tests.flow.shop import Shop, as_json, make_files, open_shop

pytestmark = pytest.mark.anyio

RACES = 6


async def take_back(shop: Shop, change: Wire, by: str) -> Wire:
    """Their approval shall no longer count."""
    return as_json(await review.take_back(shop.gate, change["id"], person(by)))


async def test_nobody_takes_back_what_somebody_else_gave(shop: Shop) -> None:
    change = await shop.submit(large())
    await approve(shop, change, "farida")

    assert await problem(take_back(shop, change, "ada")) == "state_conflict"
    assert await problem(take_back(shop, change, "chloe")) == "state_conflict"

    assert (await shop.read(change))["state"] == "approved"
    assert await shop.entries("lapse", change) == []


async def test_what_is_taken_back_approves_nothing_and_may_be_given_again(shop: Shop) -> None:
    change = await shop.submit(large())
    approved = await approve(shop, change, "farida")

    taken = await take_back(shop, change, "farida")
    refused = await problem(shop.admit(approved))
    twice = await problem(take_back(shop, change, "farida"))
    again = await approve(shop, change, "farida")

    assert (taken["state"], taken["valid_until"], taken["approvals"]["required"][0]["missing"]) == (
        "pending",
        None,
        1,
    )
    assert datetime.fromisoformat(taken["expires_at"]) > shop.gate.clock() + timedelta(hours=23)
    assert (refused, twice) == ("not_approved", "state_conflict")
    assert (again["state"], [one["lapsed"] for one in again["approvals"]["given"]]) == (
        "approved",
        [True, False],
    )
    await shop.admit(again)
    (lapse,) = await shop.entries("lapse", change)
    assert (lapse.fields["by"], lapse.fields["taken_back"]) == (person("farida").id, True)
    assert await found_wrong(shop) == []


async def test_of_several_only_ones_own_is_taken_back(database_url: str, tmp_path: Path) -> None:
    async with open_shop(database_url, tmp_path, make_files(unverified_authors="two")) as strict:
        change = await strict.submit(large())
        await approve(strict, change, "ada")
        await approve(strict, change, "farida")

        taken = await take_back(strict, change, "ada")
        whole = await approve(strict, change, "ben")

        assert (taken["state"], whole["state"]) == ("pending", "approved")
        assert taken["approvals"]["required"][0]["missing"] == 1


async def test_before_it_is_complete_it_is_taken_back_too_and_a_no_ends_it(
    database_url: str, tmp_path: Path
) -> None:
    async with open_shop(database_url, tmp_path, make_files(unverified_authors="two")) as strict:
        change = await strict.submit(large())
        await approve(strict, change, "ada")

        taken = await take_back(strict, change, "ada")
        rejected = await reject(strict, change, "ada")

        assert (taken["state"], rejected["state"]) == ("pending", "rejected")
        assert await problem(take_back(strict, change, "ada")) == "state_conflict"


@pytest.mark.parametrize("end", ["admitted", "canceled", "expired"])
async def test_what_has_begun_or_is_over_is_not_taken_back(shop: Shop, end: str) -> None:
    change = await shop.submit(large())
    approved = await approve(shop, change, "farida")
    match end:
        case "admitted":
            await shop.admit(approved)
        case "canceled":
            await cancel.cancel(shop.gate, change["id"], "", person("ada"))
        case _:
            await shop.let_pass_hours(5)

    assert await problem(take_back(shop, change, "farida")) == "state_conflict"
    assert await shop.entries("lapse", change) == []


async def test_an_admission_that_races_with_it_is_first_or_refused(shop: Shop) -> None:
    ended = []
    for number in range(RACES):
        change = await shop.submit(large("abcdef"[number]))
        approved = await approve(shop, change, "farida")

        admitted, taken = await asyncio.gather(
            shop.admit(approved), take_back(shop, change, "farida"), return_exceptions=True
        )

        state = (await shop.read(change))["state"]
        ended.append(state)
        assert isinstance(admitted, Conflict) != isinstance(taken, Conflict)
        assert state == ("pending" if isinstance(admitted, Conflict) else "deploying")
        if state == "deploying":
            await shop.close(approved)
        else:
            await cancel.cancel(shop.gate, change["id"], "", person("ada"))
    assert await found_wrong(shop) == []


async def found_wrong(shop: Shop) -> list[tuple[int, str]]:
    """What somebody outside finds wrong with the log."""
    await settle(shop)
    return await faults_of(shop)
