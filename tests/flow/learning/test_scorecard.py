"""The scorecard of a place: every number with its changes, and speed never without stability."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gate.core.change import Result
from gate.core.learning.scorecard import COMPARED_MIN
from gate.errors import Invalid
from gate.flow.answers.written import named
from gate.flow.changes import cancel
from gate.flow.learning.scorecard import CHANGES_NAMED_MAX, ScorecardQuery, cards
from gate.flow.queries.look import place
from gate.storage.database.tx import Tx
from gate.storage.tables.schema_delivery import (
    delivery_days,
    delivery_times,
    delivery_totals,
    outcomes,
)
from tests.builders import SMALL, Wire, commit_of
from tests.flow.reviewers import approve, large, reject
from tests.flow.shop import ADMIN, PIPELINE, Shop, as_json

pytestmark = pytest.mark.anyio


async def card(shop: Shop) -> Wire:
    """The card of checkout in production."""
    asked = ScorecardQuery("checkout", "production")
    found: Wire = as_json(named(await cards(shop.gate, asked)))["cards"][0]
    return found


def move_sums(tx: Tx, days: int) -> None:
    """The sums, too, are of days that lie so far back."""
    for table in (outcomes, delivery_days, delivery_times, delivery_totals):
        tx.conn.execute(table.update().values(day=table.c.day - days))


async def deploy_all(shop: Shop, letters: str, results: tuple[Result, ...]) -> None:
    """Deploy one after the other, each measured from what runs."""
    for letter, result in zip(letters, results, strict=True):
        here = as_json(await place(shop.gate, "checkout", "production", ADMIN))
        base = here["running"]["commit"] if here["running"] else None
        await shop.deploy(letter, result, base=base)


async def test_every_number_leads_to_its_changes(shop: Shop) -> None:
    good = await shop.deploy("a", Result.SUCCESSFUL, claims={**SMALL, "change.age_hours": 5})
    bad = await shop.deploy("b", Result.UNSUCCESSFUL, base=commit_of("a"))
    waiting = await shop.submit(large("c"))

    found = await card(shop)

    flow, failed = found["flow"], found["quality"]["change_fail_rate"]
    assert flow["deployments_per_day"]["changes"] == [bad["id"], good["id"]]
    assert flow["deployments_per_day"]["n"] == 2
    assert flow["change_lead_time_seconds"]["changes"] == [good["id"]]
    assert (failed["value"], failed["n"], failed["changes"]) == (0.5, 2, [bad["id"]])
    oldest = flow["oldest_waiting_seconds"]
    assert (oldest["n"], oldest["changes"]) == (1, [waiting["id"]])
    assert (found["verdict"], found["owners"]) == ("too few to compare", ["team-payments"])


async def test_reviews_that_said_no_are_those_that_changed_an_outcome(shop: Shop) -> None:
    await approve(shop, await shop.submit(large("a")), "farida")
    await shop.submit(large("b"))
    rejected = await shop.submit(large("c"))
    await reject(shop, rejected, "farida")
    withdrawn = await shop.submit(large("d"))
    await cancel.cancel(shop.gate, withdrawn["id"], "not needed", PIPELINE)

    reviews = (await card(shop))["quality"]["reviews_that_changed"]

    # Nobody has said anything about the second one, nor about the one that was withdrawn.
    assert (reviews["value"], reviews["n"], reviews["changes"]) == (0.5, 2, [rejected["id"]])


async def test_faster_and_less_stable_is_said_in_one_word(small_shop: Shop) -> None:
    """Six went well in the month before; of ten in this one half failed."""
    await deploy_all(small_shop, "012345", (Result.SUCCESSFUL,) * 6)
    await small_shop.let_pass(timedelta(days=40))
    await small_shop.gate.store.write(move_sums, 40)
    await deploy_all(small_shop, "6789abcdef", (Result.SUCCESSFUL, Result.UNSUCCESSFUL) * 5)

    found = await card(small_shop)

    assert found["verdict"] == "faster and less stable"
    rate = found["quality"]["change_fail_rate"]
    assert (rate["value"], rate["before"], rate["n"]) == (0.5, 0, 10)
    assert COMPARED_MIN <= len(rate["changes"]) <= CHANGES_NAMED_MAX


async def test_places_are_asked_for_by_service_environment_and_owner(small_shop: Shop) -> None:
    await small_shop.deploy("a", Result.SUCCESSFUL)
    await small_shop.deploy("b", Result.SUCCESSFUL, environment="staging")

    async def places(**asked: Any) -> list[tuple[str, str]]:
        found = await cards(small_shop.gate, ScorecardQuery(**asked))
        return sorted((one.service, one.environment) for one in found.cards)

    both = [("checkout", "production"), ("checkout", "staging")]
    owned = {"owner": "team-payments"}
    assert await places() == await places(service="checkout") == both
    assert await places(environment="staging", **owned) == both[1:]
    assert await places(owner="nobody") == []


@pytest.mark.parametrize("days", [-1, 368])
async def test_a_time_is_neither_empty_nor_too_long(small_shop: Shop, days: int) -> None:
    now = datetime.now(UTC)
    asked = ScorecardQuery(begins=now - timedelta(days=days), ends=now)

    with pytest.raises(Invalid):
        await cards(small_shop.gate, asked)
