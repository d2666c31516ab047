"""What the gate proposes to improve: only what its own figures show, with the evidence."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from gate.core.change import Result
from gate.core.instants import to_us
from gate.core.learning.improvements import Signal
from gate.core.learning.weeks import week_of
from gate.core.messages.reports import IncidentReport
from gate.flow.incidents import incidents
from gate.flow.learning import proposals
from gate.storage.database.tx import Tx
from gate.storage.tables.schema_delivery import delivery_days, delivery_rules, delivery_totals
from gate.storage.tables.schema_learning import wait_sums
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
    for one in found:
        assert one["evidence"].startswith("The rule “Larger changes fail more often” gave points ")


async def test_a_rule_that_is_no_longer_in_force_is_named_by_its_id(small_shop: Shop) -> None:
    await sums(small_shop, deployments=80, failed=5, rule="production/gone", fired_failed=2)

    found = (await proposed(small_shop))["never_separates:checkout:production:production/gone"]

    assert found["evidence"].startswith("The rule production/gone gave points to 40 ")


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
    assert one["evidence"].startswith("The standard change “Everyday” has 1 failure that counts;")
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


# Waiting that is mostly one group's


async def waited(
    shop: Shop, group: str, changes: int, hours: int, *, weeks_ago: int = 0, environment: str = ""
) -> None:
    """So many changes of checkout waited for a group, so long each."""
    zone = (await shop.gate.rulebooks.current()).calendar.zone
    week = week_of(shop.gate.clock() - timedelta(weeks=weeks_ago), zone).name
    place = PLACE | ({"environment": environment} if environment else {})
    seconds = changes * hours * 3_600
    row = {**place, "week": week, "asked": group, "changes": changes, "seconds": seconds}
    await shop.gate.store.write(lambda tx: tx.conn.execute(insert(wait_sums).values(row)))


async def test_waiting_that_is_mostly_one_groups_is_proposed_with_its_figure(shop: Shop) -> None:
    await waited(shop, "", 12, 4)
    await waited(shop, "release-managers", 9, 4)
    await waited(shop, "team-payments", 9, 1)
    assert await proposed(shop) == {}, "nine are too few"

    await waited(shop, "release-managers", 3, 4, weeks_ago=3)
    found = await proposed(shop)

    (one,) = found.values()
    assert one["id"] == "one_groups_waiting:checkout:production:release-managers"
    assert (one["n"], one["figure"]) == (12, "waiting_share")
    assert one["evidence"].startswith(
        "84 % of the waiting for people in the last 4 weeks was for release-managers: "
        "12 changes, 4 hours each."
    )


@pytest.mark.parametrize(
    "sums",
    [
        pytest.param([("a", 20, 4), ("b", 20, 4)], id="of a union both are waited for"),
        pytest.param([("a", 20, 4), ("b", 20, 2)], id="not most of it"),
        pytest.param([("a", 20, 0)], id="hardly any waiting"),
        pytest.param([("", 20, 4)], id="the change as a whole is no group"),
    ],
)
async def test_waiting_for_nobody_in_particular_is_not_proposed(
    small_shop: Shop, sums: list[tuple[str, int, int]]
) -> None:
    for group, changes, hours in sums:
        await waited(small_shop, group, changes, hours)

    assert await proposed(small_shop) == {}


async def test_waiting_of_long_ago_or_of_another_place_does_not_count(small_shop: Shop) -> None:
    await waited(small_shop, "release-managers", 20, 4, weeks_ago=4)
    await waited(small_shop, "release-managers", 9, 4)
    await waited(small_shop, "release-managers", 9, 4, environment="staging")

    assert await proposed(small_shop) == {}


async def test_changes_that_waited_are_the_evidence(small_shop: Shop) -> None:
    await small_shop.adopt(review="[{from_band: low, approvals: 1, by: [release-managers]}]")
    change = await small_shop.submit(large("a"))
    await small_shop.let_pass_hours(5)
    await approve(small_shop, change, "ben")
    await waited(small_shop, "release-managers", 12, 4, weeks_ago=1)

    (one,) = (await proposed(small_shop)).values()

    assert (one["n"], one["changes"]) == (13, [change["id"]])
