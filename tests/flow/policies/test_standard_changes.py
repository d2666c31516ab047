"""Standard changes of every place: who lifts a suspension, and what the list says."""

from typing import Any

import pytest

from gate.core.change import Result
from gate.errors import Conflict, NotAllowed, NotFound
from gate.flow.answers.policy import StandardChangeAnswer
from gate.flow.caller import Caller, Machine, Role
from gate.flow.commands import Part, PersonCommand
from gate.flow.identity import people
from gate.flow.policies import standard_changes
from gate.flow.policies.standard_changes import StandardChangeFilters
from gate.flow.queries import log
from gate.flow.queries.story import story
from gate.storage.changes.log import LogFilters
from tests.builders import SMALL, commit_of, make_change
from tests.flow.breaking import BEN, LENA
from tests.flow.shop import ADA, ADMIN, Shop, as_json

pytestmark = pytest.mark.anyio

EVERYDAY = "checkout:production:everyday"
HERE = StandardChangeFilters("checkout", "production")
SUSPENDED = (
    "[{id: everyday, title: Everyday, owner: platform, authorised_by: [release-managers], when: "
    "[diff.lines_added < 100], up_to: low, earn: none, suspend: {failures: 1, within: 5}}]"
)


async def _suspended(shop: Shop) -> None:
    await shop.adopt(standard_changes=SUSPENDED)
    await shop.deploy("a", Result.UNSUCCESSFUL)


async def _titles(shop: Shop, change: str) -> list[str]:
    """The standard changes that the story of the change names."""
    found = as_json(await story(shop.gate, change, BEN))
    return [one["title"] for one in found["timeline"] if one["kind"] == "standard_change"]


async def _next(shop: Shop, letter: str) -> str:
    asked = make_change(letter, base=commit_of("a"), claims=SMALL)
    return str((await shop.submit(asked))["state"])


async def _listed(shop: Shop) -> dict[str, Any]:
    (found,) = (await standard_changes.listing(shop.gate, HERE, ADA)).items
    return dict(as_json(found))


@pytest.mark.parametrize(
    "by",
    [
        pytest.param(LENA, id="of no group that authorises it"),
        pytest.param(Machine("admin", Role.ADMIN), id="a machine"),
    ],
)
async def test_who_does_not_authorise_it_reinstates_nothing(shop: Shop, by: Caller) -> None:
    await _suspended(shop)

    with pytest.raises(NotAllowed):
        await standard_changes.reinstate(shop.gate, EVERYDAY, "Looks fine", by)

    assert (await _listed(shop))["suspended"]
    assert await _next(shop, "b") == "pending"


async def test_whom_another_server_has_just_shut_out_reinstates_nothing(shop: Shop) -> None:
    await _suspended(shop)
    await people.change(shop.gate, BEN.id, PersonCommand(disabled=True), ADMIN)

    with pytest.raises(NotAllowed, match="you are in none of these groups"):
        await standard_changes.reinstate(shop.gate, EVERYDAY, "Looks fine", BEN)

    assert (await _listed(shop))["suspended"]


async def test_a_deployment_that_goes_on_is_listed_and_has_not_failed(shop: Shop) -> None:
    await shop.adopt(standard_changes=SUSPENDED)
    await shop.deploy("a", None)

    listed = await _listed(shop)

    assert (listed["changes"], listed["ended"], listed["failed"]) == (1, 0, 0)
    assert listed["success_rate"] is None


async def test_section_6_reinstating_starts_the_count_of_failures_anew(shop: Shop) -> None:
    await _suspended(shop)
    suspended = await _listed(shop)
    waiting = await shop.submit(make_change("b", base=commit_of("a"), claims=SMALL))

    answer = as_json(
        await standard_changes.reinstate(shop.gate, EVERYDAY, "The cause is mended", BEN)
    )
    await shop.round()

    entry = (await shop.entries("standard_change"))[-1]
    assert (suspended["suspended"], suspended["failed"], suspended["success_rate"]) == (True, 1, 0)
    assert (answer["suspended"], answer["because"]) == (False, None)
    assert answer["reinstated_at"] is not None
    assert (entry.fields["action"], entry.fields["by"]) == ("reinstated", BEN.caller)
    assert "mended" not in str(entry)
    assert (await shop.read(waiting["id"]))["state"] == "approved"
    acts = await log.page(shop.gate, LogFilters(kind="standard_change"), ADMIN)
    assert [one["what"] for one in as_json(acts)["items"]] == [
        "Reinstated the standard change “Everyday”",
        "Suspended the standard change “Everyday”",
    ]


async def test_the_change_that_suspended_it_tells_so_by_its_title_or_else_by_its_id(
    shop: Shop,
) -> None:
    await shop.adopt(
        standard_changes=SUSPENDED.replace("everyday, title: Everyday", "small, title: Small ones")
    )
    failed = await shop.deploy("a", Result.UNSUCCESSFUL)

    titled = await _titles(shop, failed["id"])
    await shop.adopt(standard_changes=SUSPENDED)
    await shop.gate.rulebooks.refresh()

    assert titled == ["Small ones"]
    assert await _titles(shop, failed["id"]) == ["small"]


async def test_what_is_not_suspended_or_not_there_is_not_reinstated(shop: Shop) -> None:
    await shop.adopt(standard_changes=SUSPENDED)

    with pytest.raises(Conflict):
        await standard_changes.reinstate(shop.gate, EVERYDAY, "To be sure", BEN)
    with pytest.raises(NotFound):
        await standard_changes.reinstate(shop.gate, "checkout:production:x", "To be sure", BEN)

    assert await shop.entries("standard_change") == []


async def test_the_pages_of_the_list_are_the_whole_list(small_shop: Shop) -> None:
    every = StandardChangeFilters()
    whole = (await standard_changes.listing(small_shop.gate, every, ADMIN)).items

    found: list[StandardChangeAnswer] = []
    cursor = None
    while len(found) < len(whole):
        part = Part(limit=1, cursor=cursor)
        page = await standard_changes.listing(small_shop.gate, every, ADMIN, part)
        found += page.items
        cursor = page.next

    assert (found, cursor) == ([*whole], None)
    assert len({one.id for one in whole}) == len(whole) > 1
