"""Every way out of waiting for people leaves one row of how long it was, and for whom."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, select

from gate.core.learning.weeks import week_of
from gate.flow.changes import cancel, review
from gate.flow.commands import FreezeCommand
from gate.flow.policies import freezes
from gate.storage.figures import waits
from gate.storage.figures.waits import WaitFilters
from gate.storage.tables import schema_learning
from tests.builders import Wire
from tests.flow.reviewers import approve, large, person, reject
from tests.flow.shop import ADA, Shop

pytestmark = pytest.mark.anyio

BOTH = (
    "[{from_band: low, approvals: 1, by: [release-managers]},"
    " {from_band: low, approvals: 1, by: [owners]}]"
)
HOUR = 3_600


async def kept(shop: Shop) -> list[tuple[str, str, int]]:
    """What is kept: the change, the group or nothing, and whole hours."""

    def read(conn: Connection) -> list[tuple[str, str, int]]:
        table = schema_learning.waits.c
        rows = conn.execute(select(table.change_id, table.asked, table.seconds))
        return sorted((change, group, seconds // HOUR) for change, group, seconds in rows)

    return await shop.gate.store.read(read)


def each(change: Wire, hours: int) -> list[tuple[str, str, int]]:
    """The rows of a change that waited so long for everybody who is asked."""
    asked = ("", "release-managers", "team-payments")
    return [(change["id"], group, hours) for group in asked]


async def approved(shop: Shop, change: Wire) -> None:
    await approve(shop, change, "ben")


async def rejected(shop: Shop, change: Wire) -> None:
    await reject(shop, change, "ben")


async def canceled(shop: Shop, change: Wire) -> None:
    await cancel.cancel(shop.gate, change["id"], "", person("ben"))


async def expired(shop: Shop, _: Wire) -> None:
    await shop.let_pass_hours(24)
    await shop.round()


async def superseded(shop: Shop, _: Wire) -> None:
    await shop.deploy("b")


async def passed(shop: Shop, _: Wire) -> None:
    await shop.adopt(
        standard_changes="[{id: all, title: All, owner: platform, authorised_by: "
        "[platform], when: [diff.lines_added < 1000], up_to: critical, earn: none}]"
    )
    await shop.round()


@pytest.mark.parametrize(
    ("end", "hours"),
    [(approved, 2), (rejected, 2), (canceled, 2), (superseded, 2), (passed, 2), (expired, 24)],
)
async def test_every_end_of_waiting_is_kept_once(small_shop: Shop, end: object, hours: int) -> None:
    change = await small_shop.submit(large("a"))
    await small_shop.let_pass_hours(2)
    assert await kept(small_shop) == []

    await end(small_shop, change)  # type: ignore[operator]  # one of the functions above
    await small_shop.round()

    assert await kept(small_shop) == each(change, hours)


async def test_what_nobody_was_asked_about_waits_for_nobody(small_shop: Shop) -> None:
    await small_shop.deploy("a")

    assert await kept(small_shop) == []


async def test_who_has_answered_is_not_waited_for(shop: Shop) -> None:
    await shop.adopt(review=BOTH)
    change = await shop.submit(large("a"))
    await shop.let_pass_hours(1)
    await approve(shop, change, "farida")
    await shop.let_pass_hours(5)
    await approve(shop, change, "ben")

    (whole, managers, owners) = await kept(shop)
    assert (whole, managers) == ((change["id"], "", 6), (change["id"], "release-managers", 6))
    # Approvals keep their instant when the test moves the past, so the split is seen in the core.
    assert owners[:2] == (change["id"], "team-payments")


async def test_a_freeze_is_no_waiting_for_people(small_shop: Shop) -> None:
    change = await small_shop.submit(large("a"))
    await small_shop.let_pass_hours(2)
    now = datetime.now(UTC)
    window = FreezeCommand("closing", ends=now + timedelta(hours=9))
    await freezes.add(small_shop.gate, window, ADA)
    await small_shop.round()
    await small_shop.let_pass_hours(3)

    await approve(small_shop, await small_shop.read(change), "ben")

    assert await kept(small_shop) == each(change, 2)


async def test_an_approval_that_is_taken_back_lets_it_wait_anew(small_shop: Shop) -> None:
    change = await small_shop.submit(large("a"))
    await small_shop.let_pass_hours(2)
    await approve(small_shop, change, "ben")
    await small_shop.let_pass_hours(1)
    again = await review.take_back(small_shop.gate, change["id"], person("ben"))
    await small_shop.let_pass_hours(3)

    await approve(small_shop, {"id": change["id"], "subject_digest": again.subject_digest}, "ada")

    assert sorted(hours for _, group, hours in await kept(small_shop) if not group) == [2, 3]


async def test_the_sums_of_a_week_are_by_place_and_group(shop: Shop) -> None:
    for letter, hours in (("a", 1), ("b", 3)):
        change = await shop.submit(large(letter))
        await shop.let_pass_hours(hours)
        await approve(shop, change, "ben")
    now = datetime.now(UTC)
    week = week_of(now, UTC)

    found = await shop.gate.store.read(waits.sums, week.name)
    before = await shop.gate.store.read(waits.sums, week.before.name)
    where = WaitFilters(week.name, "team-payments", "checkout")
    (longest, _) = await shop.gate.store.read(waits.longest, where, 3)
    usual = await shop.gate.store.read(waits.newest_seconds, "checkout", "production", now)

    assert before == ()
    assert {one.group for one in found} == {"", "release-managers", "team-payments"}
    assert {(one.changes, one.seconds // HOUR) for one in found} == {(2, 4)}
    assert (longest.service, longest.seconds // HOUR) == ("checkout", 3)
    assert [seconds // HOUR for seconds in usual] == [1, 3]
