"""Figures over time of one place and of many: no period is missing, and none says what is not so."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.change import Result, Run
from gate.flow.answers.insights.over_time import PlacesAnswer
from gate.flow.queries.delivery import DeliveryQuery
from gate.flow.queries.insights.insights import insights, production
from gate.flow.queries.insights.periods import LONG_STEP, WEEK, answers, periods_until
from gate.flow.queries.waiting_list import WaitingList
from gate.storage.tables.schema_delivery import delivery_days, delivery_times, delivery_totals
from tests.builders import SMALL, Wire, commit_of
from tests.flow.breaking import report
from tests.flow.queries.test_delivery import counted_from_the_changes
from tests.flow.shop import CATALOGUE, Shop, make_files

pytestmark = pytest.mark.anyio

PLACES = [
    (service, environment)
    for service in ("checkout", "ledger", "web")
    for environment in ("production", "staging")
]


async def earlier(shop: Shop, days: int) -> None:
    """Whatever was counted so far was so many days ago."""

    def move(tx: Any) -> None:
        for table in (delivery_days, delivery_totals, delivery_times):
            tx.conn.execute(table.update().values(day=table.c.day - days))

    await shop.gate.store.write(move)


def ended(found: PlacesAnswer) -> dict[tuple[str, str], tuple[int, int]]:
    """Deployments and failed ones of each place."""
    return {(one.service, one.environment): (one.deployments, one.failed) for one in found.places}


@given(st.integers(0, 200 * 365 * 24 * 60))
def test_periods_are_whole_weeks_without_a_hole_and_today_is_in_the_last(minutes: int) -> None:
    now = datetime(1990, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    for step in (WEEK, LONG_STEP):
        shown = answers(periods_until(now, step), {})

        assert {one.ends - one.begins for one in shown} == {timedelta(days=step)}
        assert all(one.ends == following.begins for one, following in pairwise(shown))
        assert shown[-1].begins <= now.date() < shown[-1].ends
        assert shown[0].begins.isoweekday() == 1
        assert sum(one.deployments + one.failed for one in shown) == 0


async def test_every_production_place_is_there_also_one_without_a_deployment(shop: Shop) -> None:
    await shop.deploy("a", Result.UNSUCCESSFUL)
    await shop.deploy("a", environment="staging", service="web")
    await shop.deploy("a", None, service="ledger")

    found = await production(shop.gate)

    assert list(ended(found).items()) == [
        (("checkout", "production"), (1, 1)),
        (("ledger", "production"), (0, 0)),
        (("web", "production"), (0, 0)),
    ]
    assert found.more == 0
    busiest, *others = found.places
    assert (busiest.rate, busiest.low, busiest.high) == (1.0, 0.2065, 1.0)
    assert {one.rate for one in others} == {None}
    assert {len(one.weeks) for one in found.places} == {12}
    assert [(one.deployments, one.failed) for one in busiest.weeks] == [(0, 0)] * 11 + [(1, 1)]


async def test_what_the_catalogue_lost_still_counts(small_shop: Shop) -> None:
    await small_shop.deploy("a", service="ledger")
    without = CATALOGUE.replace(", depends_on: [ledger]", "").replace("  ledger: {", "  lager: {")
    await small_shop.adopt({**make_files(), "catalog.yaml": without})

    found = await production(small_shop.gate)

    assert ended(found)["ledger", "production"] == (1, 0)


@pytest.mark.parametrize("seed", range(4))
async def test_after_any_story_the_weeks_say_what_the_changes_say(
    small_shop: Shop, seed: int
) -> None:
    generator = random.Random(seed)  # noqa: S311 - the same story for the same seed
    await small_shop.adopt(parallel="allow")
    changes: list[Wire] = []
    for number in range(25):
        service, environment = generator.choice(PLACES)
        kind = generator.random()
        if kind < 0.7 or not changes:
            asked = await small_shop.submit(
                f"{number % 16:x}",
                service=service,
                environment=environment,
                run=Run(str(number), 1, ""),
                base=None,
            )
            if asked["state"] == "approved":
                await small_shop.admit(asked)
                changes.append(asked)
                await small_shop.close(asked, generator.choice(list(Result)))
        elif kind < 0.85:
            await small_shop.close(generator.choice(changes), generator.choice(list(Result)))
        else:
            broken = generator.choice(changes)
            await report(
                small_shop,
                id=str(number),
                changes=(broken["id"],),
                service=broken["service"],
                environment=broken["environment"],
            )

    wanted = await small_shop.gate.store.read(counted_from_the_changes)
    found = ended(await production(small_shop.gate))

    expected = dict.fromkeys([one for one in PLACES if one[1] == "production"], (0, 0))
    for environment, _, service, deployments, failed in wanted:
        if environment == "production":
            before = expected[service, environment]
            expected[service, environment] = before[0] + deployments, before[1] + failed
    assert found == expected
    assert sum(n for n, _ in expected.values()) > 0


async def test_a_deployment_stands_in_the_week_of_its_admission(shop: Shop) -> None:
    await shop.deploy("a", claims={**SMALL, "change.age_hours": 3})
    await earlier(shop, 14)
    await shop.deploy("b", Result.ROLLED_BACK, base=commit_of("a"))
    waiting_list = WaitingList(shop.gate)
    now = datetime.now(UTC)

    found = await insights(
        shop.gate,
        waiting_list,
        DeliveryQuery("checkout", "production", now - timedelta(days=30), now),
    )

    assert [(one.deployments, one.failed) for one in found.periods[-3:]] == [
        (1, 0),
        (0, 0),
        (1, 1),
    ]
    assert sum(one.deployments for one in found.periods) == 2
    assert [one.n for one in found.lead_times] == [0, 0, 0, 1, 0, 0, 0, 0]
    assert sum(one.n for one in found.recovery_times) == 1
    assert found.delivery.change_fail_rate.deployments == 2


async def test_a_year_is_shown_in_steps_of_four_weeks(small_shop: Shop) -> None:
    await small_shop.deploy("a")
    await earlier(small_shop, 300)
    now = datetime.now(UTC)

    found = await insights(
        small_shop.gate,
        WaitingList(small_shop.gate),
        DeliveryQuery("checkout", "production", now - timedelta(days=365), now),
    )

    assert len(found.periods) == 13
    day = now.date() - timedelta(days=300)
    assert [one.deployments for one in found.periods] == [
        int(one.begins <= day < one.ends) for one in found.periods
    ]


async def test_other_policies_are_marked_and_another_calendar_is_not(shop: Shop) -> None:
    now = datetime.now(UTC)
    query = DeliveryQuery("checkout", "production", now - timedelta(days=30), now)
    waiting_list = WaitingList(shop.gate)
    before = (await insights(shop.gate, waiting_list, query)).policy_changes

    await shop.adopt(parallel="allow")
    await shop.adopt(parallel="allow", calendar=_QUIET)
    after = (await insights(shop.gate, waiting_list, query)).policy_changes

    assert len(before) == 1
    assert [one.revision for one in after[:-1]] == [one.revision for one in before]
    assert after[-1].revision == shop.gate.rulebooks.latest.policies.revision


_QUIET = "freezes: [{id: quiet, reason: Quiet, begins: 2030-01-01T00:00, ends: 2030-01-02T00:00}]"
