"""A week is the same week whenever it is asked for, and names what happened in it and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from gate.core.change import Result, Run
from gate.core.learning.concerns import Concern, Recovery
from gate.core.learning.weeks import week_of
from gate.core.messages.reports import IncidentReport
from gate.errors import Invalid
from gate.flow.incidents import incidents
from gate.flow.learning import weeks
from gate.flow.learning.week_in_words import digest
from gate.flow.learning.weeks import PackPart, WeekQuery
from gate.storage.figures.waits import WaitFilters
from tests.builders import Wire, commit_of
from tests.flow.reviewers import approve, emergency, large
from tests.flow.shop import ADA, BASE_URL, Shop, as_json

pytestmark = pytest.mark.anyio

HOUR, WEEK = timedelta(hours=1), timedelta(days=7)


async def pack(shop: Shop, weeks_ago: int = 0, part: PackPart | None = None) -> Wire:
    """The pack of so many weeks before this one."""
    name = week_of(datetime.now(UTC) - weeks_ago * WEEK, UTC).name
    return as_json(await weeks.pack(shop.gate, WeekQuery(name, part)))


async def breaks(shop: Shop, title: str, change: Wire) -> None:
    now = datetime.now(UTC)
    report = IncidentReport(title, "checkout", "high", now, "production", changes=(change["id"],))
    await incidents.report(shop.gate, report, ADA)


async def test_a_week_in_which_nothing_happened_says_so(small_shop: Shop) -> None:
    found = await pack(small_shop)

    assert (found["failed"]["n"], found["waited"]["changes"], found["candidates"]) == (0, 0, [])
    assert [one["n"] for one in found["overdue"]] == [0, 0, 0, 0]
    said = digest(await weeks.pack(small_shop.gate, WeekQuery()), BASE_URL)
    assert {one.nothing for one in said.sections if not one.lines} >= {"Nothing failed.", "None."}


async def test_a_failure_stands_in_its_week_with_its_reason_and_its_recovery(shop: Shop) -> None:
    await shop.deploy("a")
    submitted = await shop.submit("b", title="Baskets", base=commit_of("a"))
    await shop.admit(submitted)
    failed = await shop.close(submitted, Result.UNSUCCESSFUL, notes="the index was missing")
    await breaks(shop, "Carts are empty", failed)

    (one,) = (await pack(shop))["failed"]["items"]

    assert (one["change"], one["title"], one["result"]) == (failed["id"], "Baskets", "unsuccessful")
    assert (one["notes"], [cause["title"] for cause in one["incidents"]]) == (
        "the index was missing",
        ["Carts are empty"],
    )
    assert one["recovery"] == {
        "method": "not_yet",
        "change": None,
        "at": None,
        "seconds": None,
    }


async def test_the_next_success_is_how_it_was_mended(small_shop: Shop) -> None:
    failed = await small_shop.deploy("a", Result.UNSUCCESSFUL)
    fixed = await small_shop.deploy("b")

    found = (await pack(small_shop))["failed"]

    (one,) = found["items"]
    assert (found["n"], found["deployments"], one["change"]) == (1, 2, failed["id"])
    assert (one["recovery"]["method"], one["recovery"]["change"]) == (
        Recovery.FIXED_FORWARD,
        fixed["id"],
    )


async def test_going_back_is_how_it_was_mended(small_shop: Shop) -> None:
    await small_shop.deploy("a")
    await small_shop.deploy("b", Result.UNSUCCESSFUL, base=commit_of("a"))
    run = Run("back", 1, "")
    back = await small_shop.deploy("a", run=run, base=commit_of("b"), claims={})

    (one,) = (await pack(small_shop))["failed"]["items"]

    assert (one["recovery"]["method"], one["recovery"]["change"]) == ("rolled_back", back["id"])


async def test_a_week_that_is_over_stays_as_it_ended(shop: Shop) -> None:
    """Whatever happens later, to the same changes too, is of a later week."""
    change = await shop.submit(large("b", service="ledger"))
    await shop.let_pass_hours(3)
    await approve(shop, change, "ben")
    failed = await shop.deploy("a", Result.UNSUCCESSFUL)
    await shop.let_pass(WEEK)
    before = await pack(shop, 1)

    await shop.deploy("c")
    await shop.deploy("d", Result.UNSUCCESSFUL, base=commit_of("c"))
    again = await pack(shop, 1)

    assert before == again
    assert before["over"] is True
    assert before["at"] == before["to"]
    assert [one["change"] for one in before["failed"]["items"]] == [failed["id"]]
    assert before["failed"]["items"][0]["recovery"]["method"] == "not_yet"


async def test_what_waited_for_whom_adds_up_by_place_and_leads_to_its_changes(shop: Shop) -> None:
    for letter, hours in (("a", 1), ("b", 3)):
        change = await shop.submit(large(letter))
        await shop.let_pass_hours(hours)
        await approve(shop, change, "ben")
    waited = [(await pack(shop, ago))["waited"] for ago in (0, 1)]
    waited = [one for one in waited if one["changes"]]

    assert sum(one["changes"] for one in waited) == 2
    assert round(sum(one["seconds"] for one in waited) / 3_600) == 4
    for one in waited:
        assert sum(place["share"] for place in one["places"]) == pytest.approx(1, abs=0.001)
        assert [place["changes"] for place in one["places"]] == [one["changes"]]
        # Either of them could have answered, so each was waited for all the time.
        assert {group["group"]: group["share"] for group in one["groups"]} == {
            "release-managers": 1,
            "team-payments": 1,
        }


async def test_the_changes_behind_a_number_are_those_that_it_counts(small_shop: Shop) -> None:
    change = await small_shop.submit(large("a", title="Baskets"))
    await approve(small_shop, change, "ben")
    week = week_of(datetime.now(UTC), UTC).name

    found = await weeks.waits_of(small_shop.gate, WaitFilters(week, group="team-payments"))
    other = await weeks.waits_of(small_shop.gate, WaitFilters(week, group="team-web"))
    place = await weeks.waits_of(small_shop.gate, WaitFilters(week, None, "checkout", "production"))

    assert [(one.change, one.title) for one in found.items] == [(change["id"], "Baskets")]
    assert place.items == found.items
    assert (other.items, other.more) == ((), False)


async def test_a_review_that_was_overdue_at_the_end_is_overdue_in_that_week(
    small_shop: Shop,
) -> None:
    owed = await small_shop.submit(emergency("e"))
    await small_shop.admit(await approve(small_shop, owed, "chloe"))
    await small_shop.let_pass(2 * WEEK)

    overdue = {one["kind"]: one for one in (await pack(small_shop, 1))["overdue"]}

    (one,) = overdue[Concern.REVIEW_OVERDUE]["items"]
    assert one["changes"] == [owed["id"]]


async def test_three_candidates_are_of_three_places_where_there_are_so_many(
    small_shop: Shop,
) -> None:
    for letter in "abc":
        await small_shop.deploy(letter, Result.UNSUCCESSFUL)

    candidates = (await pack(small_shop))["candidates"]

    assert [one["signal"] for one in candidates] == ["recurring_failures", "recurring_path"]


@pytest.mark.parametrize("week", ["2190-W01", "2026-W54", "now"])
async def test_a_week_that_has_not_begun_is_refused(small_shop: Shop, week: str) -> None:
    with pytest.raises(Invalid, match="`week`"):
        await weeks.pack(small_shop.gate, WeekQuery(week))
