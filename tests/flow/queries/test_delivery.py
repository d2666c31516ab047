"""DORA's five for one place: what is counted, when it is corrected, and that no part is larger than
its whole.
"""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, text

from gate.core.change import FAILED_RESULTS, Emergency, Result, Run
from gate.core.delivery import bucketed
from gate.errors import Invalid
from gate.flow.answers.written import named
from gate.flow.changes import review
from gate.flow.commands import ReviewCommand
from gate.flow.incidents import ties
from gate.flow.queries import delivery
from gate.flow.queries.delivery import DAYS_MAX, DeliveryQuery
from gate.storage.figures import outcomes
from gate.storage.tables.schema import changes
from gate.storage.tables.schema_delivery import (
    delivery_days,
    delivery_rules,
    delivery_times,
    delivery_totals,
)
from gate.storage.tables.schema_delivery import outcomes as outcome_table
from gate.storage.tables.schema_incidents import ACTIVE, incident_links
from tests.builders import SMALL, Wire, commit_of, make_person
from tests.flow.breaking import HOUR, open_incidents, report
from tests.flow.shop import ADA, Shop, as_json

pytestmark = pytest.mark.anyio

OK, ISSUES, BAD, BACK = (
    Result.SUCCESSFUL,
    Result.SUCCESSFUL_ISSUES,
    Result.UNSUCCESSFUL,
    Result.ROLLED_BACK,
)
CHLOE = make_person("chloe", "on-call")
LARGE = {**SMALL, "diff.lines_added": 12, "change.age_hours": 3}


async def figures(shop: Shop, **different: Any) -> Wire:
    """Of checkout's production, of the last days."""
    fields: dict[str, Any] = {
        "service": "checkout",
        "environment": "live",
        "ends": datetime.now(UTC) + timedelta(days=1),
    }
    found = await delivery.figures(shop.gate, DeliveryQuery(**fields | different))
    return as_json(named(found))


def rate(view: Wire) -> tuple[int, int]:
    """Failed, of so many."""
    return view["change_fail_rate"]["failed"], view["change_fail_rate"]["deployments"]


def sums(conn: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is summed up and is not nothing."""
    tables = (delivery_days, delivery_totals, delivery_rules, delivery_times)
    rows = {table.name: [tuple(row) for row in conn.execute(select(table))] for table in tables}
    keys = {table.name: len(table.primary_key.columns) for table in tables}
    return {
        name: sorted(row for row in found if any(row[keys[name] :])) for name, found in rows.items()
    }


def recounted(conn: Connection) -> dict[str, int]:
    """The same from what each change says it added."""
    found = conn.execute(select(outcome_table)).all()
    return {
        "deployments": sum(row.deployments for row in found),
        "failed": sum(row.failed for row in found),
        "rework": sum(row.reworked for row in found),
        "times": sum(
            (row.lead_seconds is not None) + (row.recovery_seconds is not None) for row in found
        ),
    }


def counted_from_the_changes(conn: Connection) -> list[tuple[str, int, str, int, int]]:
    """Deployments and failed ones by environment, day and service, from the changes and the links
    of incidents alone.

    The day is the one that was kept, because a test that lets time pass moves the changes.
    """
    tied = set(conn.execute(select(incident_links.c.change_id).where(text(ACTIVE))).scalars())
    days = {row.change_id: row.day for row in conn.execute(select(outcome_table))}
    found: dict[tuple[str, int, str], list[int]] = {}
    for change in conn.execute(select(changes).where(changes.c.admitted_at.is_not(None))):
        failed = change.id in tied or change.result in FAILED_RESULTS
        if change.closed_at is not None or failed:
            key = (change.environment, days[change.id], change.service)
            counted = found.setdefault(key, [0, 0])
            counted[0] += 1
            counted[1] += failed
    return sorted(
        (environment, day, service, deployments, failed)
        for (environment, day, service), (deployments, failed) in found.items()
    )


async def assert_sums_agree(shop: Shop) -> None:
    """What is summed up is what the changes added, and no part is larger than its whole."""
    kept, wanted = await shop.gate.store.read(sums), await shop.gate.store.read(recounted)
    days = kept["delivery_days"]
    assert kept["delivery_totals"] == await shop.gate.store.read(counted_from_the_changes)
    assert [sum(row[k] for row in days) for k in (7, 8, 9)] == [
        wanted["deployments"],
        wanted["failed"],
        wanted["rework"],
    ]
    assert sum(row[-1] for row in kept["delivery_times"]) == wanted["times"]
    assert all(0 <= failed <= deployments for *_, deployments, failed, _ in days)
    assert all(0 <= failed <= deployments for *_, deployments, failed in kept["delivery_rules"])


async def test_of_nothing_there_are_no_rates(shop: Shop) -> None:
    await shop.deploy("a", None)

    view = await figures(shop)

    assert view["change_fail_rate"] == {
        "failed": 0,
        "deployments": 0,
        "rate": None,
        "low": None,
        "high": None,
    }
    assert view["change_lead_time_seconds"] == {"p50": None, "p90": None, "n": 0}
    assert view["deployment_frequency_per_day"] == 0
    assert view["by"] == {
        name: [] for name in ("route", "band", "policy", "standard_change", "rule", "service")
    }


async def test_deployments_that_ended_are_counted_and_failed_ones_among_them(shop: Shop) -> None:
    await shop.deploy("a", claims=LARGE)
    await shop.deploy("b", BAD, base=commit_of("a"), claims=LARGE)
    await shop.deploy("c", ISSUES, base=commit_of("a"), claims=LARGE)

    view = await figures(shop)

    assert view["change_fail_rate"] == {
        "failed": 1,
        "deployments": 3,
        "rate": 0.3333,
        "low": 0.0615,
        "high": 0.7923,
    }
    assert view["change_lead_time_seconds"] == {
        "p50": bucketed(10800),
        "p90": bucketed(10800),
        "n": 2,
    }
    assert view["failed_deployment_recovery_time_seconds"]["n"] == 1
    assert view["deployment_frequency_per_day"] == round(3 / 31, 4)
    assert view["environment"] == "production"
    await assert_sums_agree(shop)


async def test_the_rate_is_divided_by_what_decided(shop: Shop) -> None:
    await shop.deploy("a", claims=LARGE)
    await shop.deploy("b", BAD, base=commit_of("a"), claims=LARGE)
    await shop.deploy("c", base=commit_of("a"))
    await shop.deploy("a", service="web")
    await shop.deploy("a", BAD, service="web", environment="staging")

    by = (await figures(shop))["by"]

    found = {
        name: [(one["value"], one["failed"], one["deployments"]) for one in shares]
        for name, shares in by.items()
    }
    assert found["route"] == [("automatic", 1, 3)]
    assert found["band"] == [("low", 1, 3)]
    assert found["rule"] == [("production/size", 1, 2)]
    assert found["standard_change"] == [("everyday", 1, 3)]
    assert found["service"] == [("checkout", 1, 3), ("web", 0, 1)]
    assert [(len(value), failed, n) for value, failed, n in found["policy"]] == [(64, 1, 3)]


async def test_one_place_is_never_blended_with_another(shop: Shop) -> None:
    await shop.deploy("a", BAD)
    await shop.deploy("a", environment="staging")
    await shop.deploy("a", service="web")

    assert rate(await figures(shop)) == (1, 1)
    assert rate(await figures(shop, environment="staging")) == (0, 1)
    assert rate(await figures(shop, service="web")) == (0, 1)


async def test_a_result_that_gets_worse_is_counted_once(shop: Shop) -> None:
    change = await shop.deploy("a", OK, claims=LARGE)
    before = await figures(shop)

    for result in (BAD, BACK, BACK):
        await shop.close(change, result)

    after = await figures(shop)
    assert (rate(before), rate(after)) == ((0, 1), (1, 1))
    assert (before["change_lead_time_seconds"]["n"], after["change_lead_time_seconds"]["n"]) == (
        1,
        0,
    )
    await assert_sums_agree(shop)


async def test_an_incident_makes_a_change_failed_and_its_correction_takes_it_back(
    shop: Shop,
) -> None:
    await shop.deploy("a")
    clean = await figures(shop)
    sums_before = await shop.gate.store.read(sums)
    incident = await report(shop)
    broken = await figures(shop)

    await ties.unlink(
        shop.gate, incident["id"], incident["links"][0]["id"], "It was the cable", ADA
    )

    corrected = await figures(shop)
    assert (rate(clean), rate(broken), rate(corrected)) == ((0, 1), (1, 1), (0, 1))
    assert await shop.gate.store.read(sums) == sums_before
    await assert_sums_agree(shop)


async def test_two_incidents_of_one_change_are_no_rate_above_one(small_shop: Shop) -> None:
    await small_shop.deploy("a")
    for number in range(3):
        await report(small_shop, id=str(number))

    view = await figures(small_shop)

    assert (rate(view), view["change_fail_rate"]["rate"], view["change_fail_rate"]["high"]) == (
        (1, 1),
        1.0,
        1.0,
    )


async def test_what_fails_on_another_day_than_it_was_deployed_belongs_to_its_deployment(
    shop: Shop,
) -> None:
    await shop.deploy("a", None)
    await shop.let_pass_hours(48)
    two_days_ago = datetime.now(UTC) - timedelta(days=2)

    await report(shop, began_at=two_days_ago + HOUR)

    there = await figures(shop, begins=two_days_ago - HOUR, ends=two_days_ago + HOUR)
    here = await figures(
        shop, begins=datetime.now(UTC) - timedelta(seconds=1), ends=datetime.now(UTC)
    )
    assert (rate(there), rate(here)) == ((1, 1), (0, 0))


# Recovery


async def test_a_failed_deployment_recovers_with_the_next_success(shop: Shop) -> None:
    await shop.deploy("a", BAD)
    waiting = await figures(shop)
    await shop.let_pass_hours(2)

    await shop.deploy("b")

    view = (await figures(shop))["failed_deployment_recovery_time_seconds"]
    assert waiting["failed_deployment_recovery_time_seconds"]["n"] == 0
    assert (view["p50"], view["p90"], view["n"]) == (bucketed(7200), bucketed(7200), 1)
    await assert_sums_agree(shop)


async def test_a_success_that_was_none_recovered_nothing(shop: Shop) -> None:
    await shop.deploy("a", BAD)
    second = await shop.deploy("b")

    await shop.close(second, BAD)

    assert (await figures(shop))["failed_deployment_recovery_time_seconds"]["n"] == 0
    await assert_sums_agree(shop)


async def test_with_an_incident_it_recovers_when_that_is_over_and_not_while_it_is_open_again(
    shop: Shop,
) -> None:
    await shop.deploy("a")
    now = datetime.now(UTC)
    await report(shop, id="1", began_at=now, reported_at=now)
    counted = [(await figures(shop))["failed_deployment_recovery_time_seconds"]]

    await report(shop, id="1", began_at=now, resolved_at=now + HOUR, reported_at=now + HOUR)
    counted.append((await figures(shop))["failed_deployment_recovery_time_seconds"])
    await report(shop, id="1", began_at=now, reopened=True, reported_at=now + 2 * HOUR)
    counted.append((await figures(shop))["failed_deployment_recovery_time_seconds"])

    assert [one["n"] for one in counted] == [0, 1, 0]
    assert counted[1]["p50"] == bucketed(3600)
    await assert_sums_agree(shop)


# Rework


async def test_remedies_and_emergencies_are_rework(shop: Shop) -> None:
    broken = await shop.deploy("a")
    await shop.deploy("b", base=commit_of("a"), remediates=broken["id"])
    urgent = await shop.submit("c", base=commit_of("b"), emergency=Emergency("It burns", "INC-1"))
    await review.approve(shop.gate, urgent["id"], ReviewCommand(urgent["subject_digest"]), CHLOE)
    await shop.admit(urgent)
    await shop.close(urgent)

    view = await figures(shop)

    assert view["deployment_rework_rate"] == {"rework": 2, "deployments": 3, "rate": 0.6667}
    assert rate(view) == (1, 3)
    await assert_sums_agree(shop)


# What is asked


@pytest.mark.parametrize(
    ("begins", "ends", "because"),
    [
        pytest.param(timedelta(0), timedelta(0), "ends before it begins", id="no time at all"),
        pytest.param(
            timedelta(days=1), timedelta(0), "ends before it begins", id="the wrong way round"
        ),
        pytest.param(
            -timedelta(days=DAYS_MAX + 1), timedelta(0), f"at most {DAYS_MAX}", id="too long"
        ),
    ],
)
async def test_a_time_that_cannot_be_answered_is_refused(
    small_shop: Shop, begins: timedelta, ends: timedelta, because: str
) -> None:
    now = datetime.now(UTC)

    with pytest.raises(Invalid, match=because):
        await figures(small_shop, begins=now + begins, ends=now + ends)


async def test_the_days_are_whole(small_shop: Shop) -> None:
    at = datetime(2026, 3, 2, 12, tzinfo=UTC)

    view = await figures(small_shop, begins=at, ends=at + timedelta(days=1))

    assert (view["from"], view["to"]) == ("2026-03-02T00:00:00Z", "2026-03-04T00:00:00Z")


async def test_a_submit_and_an_admission_write_no_sums(small_shop: Shop) -> None:
    await small_shop.deploy("a", None, run=Run("x", 1, ""))

    assert await small_shop.gate.store.read(sums) == {
        "delivery_days": [],
        "delivery_totals": [],
        "delivery_rules": [],
        "delivery_times": [],
    }


async def test_counting_again_changes_nothing(shop: Shop) -> None:
    change = await shop.deploy("a", BAD)
    before = await shop.gate.store.read(sums)

    await shop.gate.store.write(outcomes.count, change["id"])
    await shop.gate.store.write(outcomes.count, "chg_" + "0" * 26)

    assert await shop.gate.store.read(sums) == before


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_happens_in_whatever_order_the_sums_say_what_is_so(
    small_shop: Shop, seed: int
) -> None:
    """Counting every change again from its row and its links is always right; so the sums must be
    right already.
    """
    generator = random.Random(seed)  # noqa: S311 - the same story for the same seed, nothing secret
    await small_shop.adopt(parallel="allow")
    changes: list[Wire] = []
    for number in range(30):
        await _something(small_shop, generator, changes, number)
        before = await small_shop.gate.store.read(sums)

        for change in changes:
            await small_shop.gate.store.write(outcomes.count, change["id"])

        assert await small_shop.gate.store.read(sums) == before
        await assert_sums_agree(small_shop)


async def test_what_happens_at_once_is_counted_once(shop: Shop) -> None:
    await shop.adopt(parallel="allow")
    changes = [
        await shop.submit("a", run=Run(str(number), 1, ""), claims=LARGE) for number in range(4)
    ]
    for change in changes:
        await shop.admit(change)
    now = datetime.now(UTC)

    await asyncio.gather(
        *(shop.close(change, result) for change in changes for result in (OK, BAD, BACK)),
        *(
            report(shop, id=str(k % 3), changes=(change["id"],), began_at=now)
            for k, change in enumerate(changes * 2)
        ),
        *(
            report(
                shop, id=str(k), changes=(changes[k]["id"],), began_at=now, resolved_at=now + HOUR
            )
            for k in range(3)
        ),
        return_exceptions=True,
    )

    before = await shop.gate.store.read(sums)
    for change in changes:
        await shop.gate.store.write(outcomes.count, change["id"])
    assert await shop.gate.store.read(sums) == before
    assert rate(await figures(shop)) == (4, 4)
    await assert_sums_agree(shop)


async def _something(
    shop: Shop, generator: random.Random, changes: list[Wire], number: int
) -> None:
    """One thing that happens in a place."""
    reported = await open_incidents(shop)
    links = [(one["id"], link["id"]) for one in reported for link in one["links"]]
    match generator.choice(
        [
            "deploy",
            "deploy",
            "deploy",
            "close",
            "close",
            "close",
            "break",
            "news",
            "news",
            "untie",
            "time",
        ]
    ):
        case "close" if changes:
            await shop.close(generator.choice(changes), generator.choice(list(Result)))
        case "break":
            change = generator.choice([None, *changes])
            await report(
                shop,
                id=str(number),
                changes=(change["id"],) if change else (),
                began_at=datetime.now(UTC),
            )
        case "news" if reported:
            one = generator.choice(reported)
            began_at = datetime.fromisoformat(one["began_at"])
            over = generator.choice([None, began_at + HOUR * generator.random()])
            await report(
                shop,
                id=one["id"],
                began_at=began_at,
                resolved_at=over,
                reopened=over is None,
                reported_at=began_at + HOUR * number,
            )
        case "untie" if links:
            await ties.unlink(shop.gate, *generator.choice(links), "It was something else", ADA)
        case "time":
            await shop.let_pass_hours(generator.random())
        case _:
            remediates = generator.choice([None, *changes])
            asked = await shop.submit(
                f"{number % 16:x}",
                base=None,
                run=Run(str(number), 1, ""),
                remediates=remediates and remediates["id"],
            )
            if asked["state"] == "approved":
                await shop.admit(asked)
                changes.append(asked)


async def test_e26_figures_of_a_place_that_is_not_there_say_so(shop: Shop) -> None:
    misspelt, known = await figures(shop, service="chekout"), await figures(shop)

    assert misspelt["unknown"] == ["the catalogue has no service chekout; did you mean checkout?"]
    assert known["unknown"] == []
