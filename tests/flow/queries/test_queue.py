"""The queue of a person: what needs them, what waits for others, what is held, what was decided."""

from datetime import timedelta
from typing import Any

import pytest

from gate.errors import BadRequest
from gate.flow.caller import Person
from gate.flow.changes import review
from gate.flow.changes.cancel import cancel
from gate.flow.commands import FreezeCommand, ReviewCommand
from gate.flow.policies import freezes
from gate.flow.queries.queue import QueueFilters, Tab, queue
from gate.flow.queries.waiting_list import WaitingList
from tests.builders import Wire, make_person
from tests.flow.shop import ADA, Shop

pytestmark = pytest.mark.anyio

LARGE = {
    "diff.lines_added": 220,
    "diff.lines_deleted": 1,
    "diff.files": ("a.py",),
    "diff.files_changed": 1,
}
BEN = make_person("ben", "release-managers")
FARIDA = make_person("farida", "team-payments")
KOFI = make_person("kofi", "team-web")


async def seen(
    shop: Shop, waiting_list: WaitingList, by: Person = ADA, **filters: Any
) -> dict[str, list[str]]:
    """The titles in each part."""
    return {
        tab.value: [
            item.title
            for item in (
                await queue(shop.gate, waiting_list, QueueFilters(tab=tab, **filters), by)
            ).items
        ]
        for tab in Tab
    }


def shown(change: Wire, comment: str = "") -> ReviewCommand:
    """What somebody saw of it."""
    return ReviewCommand(change["subject_digest"], comment)


async def test_nobody_is_asked_about_a_change_they_took_part_in(shop: Shop) -> None:
    waiting_list = WaitingList(shop.gate)
    await shop.submit("a", title="Of ada", authors=("ada@example.com",), claims=LARGE)

    assert (await seen(shop, waiting_list))["mine"] == []
    assert (await seen(shop, waiting_list))["others"] == ["Of ada"]
    assert (await seen(shop, waiting_list, BEN))["mine"] == ["Of ada"]


async def test_a_change_needs_those_whose_group_it_asks_for(shop: Shop) -> None:
    waiting_list = WaitingList(shop.gate)
    await shop.submit("a", title="Of checkout", claims=LARGE)

    assert [(await seen(shop, waiting_list, who))["mine"] for who in (ADA, FARIDA, KOFI)] == [
        ["Of checkout"],
        ["Of checkout"],
        [],
    ]


async def test_whoever_has_approved_is_not_asked_again_and_the_last_approval_ends_the_waiting(
    shop: Shop,
) -> None:
    await shop.adopt(unverified_authors="two")
    waiting_list = WaitingList(shop.gate)
    change = await shop.submit("a", title="Needs two", claims=LARGE)
    assert (await seen(shop, waiting_list))["mine"] == ["Needs two"]

    await review.approve(shop.gate, change["id"], shown(change), ADA)
    assert [(await seen(shop, waiting_list, who))["mine"] for who in (ADA, BEN)] == [
        [],
        ["Needs two"],
    ]

    await review.approve(shop.gate, change["id"], shown(change), BEN)
    after = await seen(shop, waiting_list, BEN)
    assert (after["mine"], after["others"], after["decided"]) == ([], [], ["Needs two"])


async def test_what_was_decided_last_stands_first_with_who_and_why(shop: Shop) -> None:
    waiting_list = WaitingList(shop.gate)
    made = [await shop.submit(letter, title=letter, claims=LARGE) for letter in "abc"]
    passed = await shop.submit("e", title="e")
    assert passed["state"] == "approved"
    for change, said in ((made[1], "it locks orders"), (made[0], "not today")):
        await review.reject(shop.gate, change["id"], shown(change, said), ADA)
    await cancel(shop.gate, made[2]["id"], "not needed", BEN)

    found = await queue(shop.gate, waiting_list, QueueFilters(tab=Tab.DECIDED), ADA)

    assert [(item.title, item.decided_by, item.said) for item in found.items] == [
        ("c", ("Ben Okafor",), "not needed"),
        ("a", ("Ada Ekberg",), "not today"),
        ("b", ("Ada Ekberg",), "it locks orders"),
        ("e", (), ""),
    ]


async def test_what_a_freeze_holds_stands_among_the_held_and_with_whom_it_needs(shop: Shop) -> None:
    waiting_list = WaitingList(shop.gate)
    made = await freezes.add(
        shop.gate, FreezeCommand("Closing", ends=shop.gate.clock() + timedelta(hours=1)), ADA
    )
    await shop.submit("a", title="Held", claims=LARGE)
    assert [(await seen(shop, waiting_list))[tab] for tab in ("mine", "held")] == [
        ["Held"],
        ["Held"],
    ]
    assert [(await seen(shop, waiting_list, KOFI))[tab] for tab in ("others", "held")] == [
        [],
        ["Held"],
    ]

    await freezes.lift(shop.gate, made.id, ADA)
    await shop.round()
    assert [(await seen(shop, waiting_list))[tab] for tab in ("mine", "held")] == [["Held"], []]


async def test_a_change_whose_time_is_over_waits_for_nobody(shop: Shop) -> None:
    waiting_list = WaitingList(shop.gate)
    await shop.submit("a", title="Too late", claims=LARGE)
    assert (await seen(shop, waiting_list))["mine"] == ["Too late"]

    shop.hands.ahead = timedelta(hours=25)

    assert (await seen(shop, waiting_list))["mine"] == []


async def test_a_desk_that_missed_everything_finds_it_again(shop: Shop) -> None:
    waiting_list = WaitingList(shop.gate)
    first = await shop.submit("a", title="First", claims=LARGE)
    await shop.submit("b", title="Second", claims=LARGE)
    assert (await seen(shop, waiting_list))["mine"] == ["First", "Second"]
    await review.reject(shop.gate, first["id"], shown(first, "no"), ADA)

    waiting_list._hear(frozenset({"*"}))  # noqa: SLF001 - as if another process had written

    assert (await seen(shop, waiting_list))["mine"] == ["Second"]
    assert (await seen(shop, WaitingList(shop.gate)))["mine"] == ["Second"]


async def test_other_policies_say_who_is_needed_now(shop: Shop) -> None:
    waiting_list = WaitingList(shop.gate)
    await shop.submit("a", title="Of checkout", claims=LARGE)
    assert (await seen(shop, waiting_list, FARIDA))["mine"] == ["Of checkout"]

    await shop.adopt(review="[{from_band: low, approvals: 1, by: [release-managers]}]")
    await shop.round()

    assert [(await seen(shop, waiting_list, who))["mine"] for who in (FARIDA, ADA)] == [
        [],
        ["Of checkout"],
    ]


async def test_filters_and_words_narrow_every_part_and_its_count(shop: Shop) -> None:
    waiting_list = WaitingList(shop.gate)
    await shop.submit("a", title="Round half to even", claims=LARGE)
    await shop.submit("b", title="Another one", service="web", claims=LARGE)

    assert (await seen(shop, waiting_list, service="web"))["mine"] == ["Another one"]
    assert (await seen(shop, waiting_list, words="half EVEN"))["mine"] == ["Round half to even"]
    found = await queue(shop.gate, waiting_list, QueueFilters(service="web"), ADA)
    assert found.counts == {"mine": 1, "others": 0, "held": 0, "decided": 0}


async def test_pages_follow_each_other_without_a_gap_though_the_queue_moves(shop: Shop) -> None:
    waiting_list = WaitingList(shop.gate)
    made = [await shop.submit(letter, title=letter, claims=LARGE) for letter in "abcde"]
    first = await queue(shop.gate, waiting_list, QueueFilters(limit=2), ADA)
    await review.reject(shop.gate, made[1]["id"], shown(made[1], "no"), ADA)

    second = await queue(shop.gate, waiting_list, QueueFilters(limit=2, after=first.next), ADA)
    third = await queue(shop.gate, waiting_list, QueueFilters(limit=2, after=second.next), ADA)

    assert [[item.title for item in page.items] for page in (first, second, third)] == [
        ["a", "b"],
        ["c", "d"],
        ["e"],
    ]
    assert third.next is None


@pytest.mark.parametrize("cursor", ["", "x", "0_x_chg", "2_1_chg", "0_" + "9" * 30 + "_chg"])
async def test_a_place_that_is_none_is_refused(shop: Shop, cursor: str) -> None:
    with pytest.raises(BadRequest):
        await queue(shop.gate, WaitingList(shop.gate), QueueFilters(after=cursor), ADA)


async def test_an_item_says_its_reasons_first_and_which_others_wait_for_the_same(
    shop: Shop,
) -> None:
    waiting_list = WaitingList(shop.gate)
    await shop.submit("a", claims=LARGE)
    await shop.submit("b", service="web", claims={**LARGE, "diff.lines_added": 500})
    await shop.submit("c", service="ledger", claims={**LARGE, "diff.lines_added": 150})

    items = (await queue(shop.gate, waiting_list, QueueFilters(), ADA)).items

    assert items[0].against[-1].because == "220 lines added; 200 or more gives 30 points"
    keys = [item.reasons_key for item in items]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        pytest.param("ben@example.com", "Ben Okafor", id="whom the catalogue knows"),
        pytest.param("b\u0435n@example.com", "b\u0435n@example.com", id="who only looks like him"),
        pytest.param("ben@evil.example", "ben@evil.example", id="a stranger of the same name"),
    ],
)
async def test_only_an_address_that_is_somebodys_is_shown_by_name(
    shop: Shop, address: str, name: str
) -> None:
    await shop.submit("a", requested_by=address, claims=LARGE)

    found = await queue(shop.gate, WaitingList(shop.gate), QueueFilters(tab=Tab.MINE), ADA)

    assert [item.asked_by for item in found.items] == [name]
