"""What the gate proposes to improve: only what its own figures show, with the evidence."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from gate.core.change import Result
from gate.core.instants import to_us
from gate.core.learning.improvements import Signal
from gate.core.messages.reports import IncidentReport
from gate.flow.incidents import incidents
from gate.flow.learning import proposals
from gate.storage.database.tx import Tx
from gate.storage.tables.schema_delivery import delivery_days, delivery_rules, delivery_totals
from tests.builders import Wire
from tests.flow.learning.test_scorecard import move_sums
from tests.flow.reviewers import approve, emergency, large
from tests.flow.shop import ADA, Shop, as_json

pytestmark = pytest.mark.anyio

PLACE = {"service": "checkout", "environment": "production"}
DAY_US = 86_400 * 1_000_000
EVERYDAY = (
    "[{id: everyday, title: Everyday, owner: platform, authorised_by: [platform], when: "
    "[diff.lines_added < 100], up_to: low, earn: none, suspend: {failures: 2, within: 5}}]"
)


async def proposed(shop: Shop) -> dict[str, Wire]:
    """What is proposed now, by id."""
    found = as_json(await proposals.listing(shop.gate))
    return {one["id"]: one for one in found["proposals"]}


async def sums(shop: Shop, days_ago: int = 1, **more: Any) -> None:
    """Deployments of checkout that were counted so many days ago; `rule` is of half of them."""
    day = to_us(datetime.now(UTC)) // DAY_US - days_ago
    kind = {"route": "review", "band": 1, "policy": "", "standard_change": "", "rework": 0}
    given = {**PLACE, "day": day, **kind, "deployments": 40, "failed": 0, **more}
    rule = given.pop("rule", None)
    fired_failed = given.pop("fired_failed", 0)
    total = {name: given[name] for name in (*PLACE, "day", "deployments", "failed")}

    def keep(tx: Tx) -> None:
        tx.conn.execute(insert(delivery_days).values(given))
        tx.conn.execute(insert(delivery_totals).values(total))
        if rule is not None:
            fired = {"rule": rule, "deployments": 40, "failed": fired_failed}
            tx.conn.execute(insert(delivery_rules).values(total | fired))

    await shop.gate.store.write(keep)


async def test_a_place_that_is_always_escalated_and_clean_is_proposed(shop: Shop) -> None:
    await sums(shop, 1, deployments=39)
    assert await proposed(shop) == {}

    await sums(shop, 2, deployments=1, route="emergency")

    (found,) = (await proposed(shop)).values()
    assert (found["id"], found["n"]) == ("always_escalated:checkout:production", 40)
    assert (found["signal"], found["figure"]) == ("always_escalated", "waiting_share")
    assert "all 40 deployments" in found["evidence"]
    assert found["page"].startswith("/log?service=checkout&environment=production&from=")


@pytest.mark.parametrize(
    "different", [{"failed": 1}, {"route": "automatic"}, {"route": "observed"}, {"days_ago": 91}]
)
async def test_one_failure_or_one_that_passed_by_itself_is_enough_against_it(
    small_shop: Shop, different: dict[str, Any]
) -> None:
    await sums(small_shop, 2, deployments=39)
    await sums(small_shop, **{"days_ago": 1, "deployments": 1, **different})

    assert await proposed(small_shop) == {}


@pytest.mark.parametrize(("fired_failed", "ids"), [(2, 1), (3, 0)])
async def test_a_rule_that_separates_nothing_is_proposed(
    shop: Shop, fired_failed: int, ids: int
) -> None:
    await sums(shop, deployments=80, failed=5, rule="production/size", fired_failed=fired_failed)

    found = [one for one in (await proposed(shop)).values() if one["signal"] == "never_separates"]

    assert [one["id"] for one in found] == [
        "never_separates:checkout:production:production/size"
    ] * ids


async def test_the_third_failure_in_thirty_days_makes_a_problem_with_its_incidents(
    shop: Shop,
) -> None:
    first = await shop.deploy("a", Result.UNSUCCESSFUL)
    second = await shop.deploy("b", Result.UNSUCCESSFUL)
    assert await proposed(shop) == {}

    third = await shop.deploy("c", Result.UNSUCCESSFUL)
    broke = IncidentReport(
        *("Carts are empty", "checkout", "high", datetime.now(UTC), "production"),
        changes=(third["id"],),
    )
    reported = (await incidents.report(shop.gate, broke, ADA)).answer

    found = await proposed(shop)
    place = found["recurring_failures:checkout:production"]
    path = found["recurring_path:checkout:production:src/cart.py"]
    assert place["changes"] == path["changes"] == [third["id"], second["id"], first["id"]]
    assert (place["n"], path["n"]) == (3, 3)
    cause = {"id": reported.id, "title": "Carts are empty"}
    assert place["incidents"] == path["incidents"] == [cause]


async def test_failures_of_more_than_thirty_days_ago_do_not_recur(small_shop: Shop) -> None:
    for letter in "abc":
        await small_shop.deploy(letter, Result.UNSUCCESSFUL)
    await small_shop.gate.store.write(move_sums, 31)

    assert await proposed(small_shop) == {}


async def test_a_standard_change_is_near_before_its_last_failure_and_not_after(
    small_shop: Shop,
) -> None:
    await small_shop.adopt(standard_changes=EVERYDAY)
    failed = await small_shop.deploy("a", Result.UNSUCCESSFUL)

    near = await proposed(small_shop)
    await small_shop.deploy("b", Result.UNSUCCESSFUL)

    (one,) = near.values()
    assert one["id"] == "near_suspension:checkout:production:everyday"
    assert one["changes"] == [failed["id"]]
    assert await proposed(small_shop) == {}


async def test_a_queue_ages_by_what_is_usual_in_its_place(small_shop: Shop) -> None:
    await approve(small_shop, await small_shop.submit(large("a")), "farida")
    waiting = await small_shop.submit(large("b"))
    await small_shop.let_pass_hours(3)
    assert await proposed(small_shop) == {}

    await small_shop.let_pass_hours(2)

    (one,) = (await proposed(small_shop)).values()
    assert (one["signal"], one["changes"]) == (Signal.AGEING_QUEUE, [waiting["id"]])
    assert "has waited 5 hours" in one["evidence"]


async def test_bypasses_that_become_more_are_proposed(small_shop: Shop) -> None:
    await small_shop.deploy("0")
    await small_shop.let_pass(timedelta(days=40))
    for letter in "abc":
        asked = await small_shop.submit(emergency(letter))
        await approve(small_shop, asked, "chloe")
        await small_shop.admit(asked)
        await small_shop.close(asked)

    found = (await proposed(small_shop))["bypass_rising:checkout:production"]

    assert found["n"] == 3
    assert "0 of 1 did before" in found["evidence"]
