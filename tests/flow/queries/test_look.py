"""Looking up: who sees what, waiting without polling, pages that are one's own."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gate.core.change import State
from gate.errors import BadRequest, NotAllowed, NotFound, RateLimited, Unavailable
from gate.flow import waiters
from gate.flow.answers.change import ChangeAnswer
from gate.flow.caller import Caller, ChangeHolder, Machine, Role
from gate.flow.changes import cancel
from gate.flow.commands import FreezeCommand, Page, Part
from gate.flow.policies import freezes
from gate.flow.queries import log, look
from gate.storage.changes.change_list import ChangeFilters
from gate.storage.changes.log import LogFilters
from tests.builders import Wire, commit_of
from tests.flow.reviewers import approve, large
from tests.flow.shop import ADA, ADMIN, AUDITOR, OTHER_PIPELINE, PIPELINE, Shop, as_json, open_shop

pytestmark = pytest.mark.anyio

WEB = Machine("web", Role.PIPELINE, frozenset({"web"}))
NOBODYS = "chg_" + "0" * 26


def ids(page: Page[Any]) -> list[str]:
    """Of the changes on a page."""
    return [item.id if isinstance(item, ChangeAnswer) else item.change for item in page.items]


# Who sees what


async def test_a31_a_pipeline_sees_the_changes_of_its_services_alone(shop: Shop) -> None:
    others, own = await shop.submit("a"), await shop.submit("b", service="web")

    assert (await shop.read(own, WEB))["id"] == own["id"]
    assert ids(await look.changes(shop.gate, ChangeFilters(), WEB)) == [own["id"]]
    assert ids(await look.changes(shop.gate, ChangeFilters(service="checkout"), WEB)) == []
    with pytest.raises(NotAllowed):
        await look.place(shop.gate, "checkout", "production", WEB)
    messages = set()
    for change in (others["id"], NOBODYS):
        with pytest.raises(NotFound) as missing:
            await shop.read(change, WEB)
        messages.add(missing.value.detail.replace(change, ""))
        with pytest.raises(NotFound):
            await look.decisions(shop.gate, change, WEB)
    assert len(messages) == 1


@pytest.mark.parametrize("by", [ADA, ADMIN, AUDITOR, PIPELINE])
async def test_whoever_reads_all_sees_all(small_shop: Shop, by: Caller) -> None:
    changes = [await small_shop.submit("a"), await small_shop.submit("b", service="web")]

    assert ids(await look.changes(small_shop.gate, ChangeFilters(), by)) == [
        change["id"] for change in reversed(changes)
    ]


async def test_the_holder_of_a_change_sees_that_one(small_shop: Shop) -> None:
    one, other = await small_shop.submit("a"), await small_shop.submit("b", service="web")
    holder = ChangeHolder(one["id"], PIPELINE.caller)

    assert (await small_shop.read(one, holder))["id"] == one["id"]
    assert ids(await look.changes(small_shop.gate, ChangeFilters(), holder)) == [one["id"]]
    with pytest.raises(NotFound):
        await small_shop.read(other, holder)


async def test_a_place_shows_what_runs_and_what_is_on_its_way(shop: Shop) -> None:
    assert as_json(await look.place(shop.gate, "checkout", "prod", PIPELINE)) == {
        "service": "checkout",
        "environment": "production",
        "unknown": [],
        "gate": "enforce",
        "running": None,
        "first_deployment": True,
        "in_flight": [],
        "hold": None,
        "next_opening": None,
    }

    closed = await shop.deploy("a")
    approved = await approve(shop, await shop.submit(large("b", base=commit_of("a"))), "farida")
    place = as_json(await look.place(shop.gate, "checkout", "production", PIPELINE))
    assert place["running"] == {
        "commit": commit_of("a"),
        "change": closed["id"],
        "since": closed["closed"]["at"],
    }
    assert place["in_flight"] == [{"change": approved["id"], "state": "approved"}]
    assert place["first_deployment"] is False
    await shop.admit(approved)
    assert as_json(await look.place(shop.gate, "checkout", "production", PIPELINE))[
        "in_flight"
    ] == [{"change": approved["id"], "state": "deploying"}]


async def test_e26_a_place_that_is_not_there_is_said_to_be_unknown(small_shop: Shop) -> None:
    place = await look.place(small_shop.gate, "chekout", "prodution", PIPELINE)

    assert place.unknown == [
        "the catalogue has no service chekout; did you mean checkout?",
        "the catalogue has no environment prodution; did you mean production?",
    ]


# Waiting


async def waiting(shop: Shop, change: Wire, number: int = 1) -> list["asyncio.Task[Wire]"]:
    """So many who wait for the change, and really do."""
    tasks = [asyncio.create_task(shop.read(change, wait=60)) for _ in range(number)]
    while shop.gate.waiters.count < number:  # noqa: ASYNC110 - a few turns of the loop, no time
        await asyncio.sleep(0)
    return tasks


async def test_whoever_waits_hears_at_once(shop: Shop) -> None:
    change = await shop.submit("a", claims={})
    tasks = await waiting(shop, change, 3)

    await cancel.cancel(shop.gate, change["id"], "", PIPELINE)

    answers = await asyncio.wait_for(asyncio.gather(*tasks), look.LOOK_AGAIN_SECONDS / 2)
    assert {answer["state"] for answer in answers} == {"canceled"}
    assert shop.gate.waiters.count == 0


async def test_whoever_waits_hears_what_the_worker_decides(shop: Shop) -> None:
    made = await freezes.add(shop.gate, FreezeCommand("x", stop=True), ADA)
    change = await shop.submit("a")
    (task,) = await waiting(shop, change)

    await freezes.lift(shop.gate, made.id, ADA)
    await shop.round()

    assert (await asyncio.wait_for(task, look.LOOK_AGAIN_SECONDS / 2))["state"] == "approved"


async def test_whoever_waits_hears_of_another_server(database_url: str, tmp_path: Path) -> None:
    async with open_shop(database_url, tmp_path) as one, open_shop(database_url, tmp_path) as other:
        change = await one.submit("a", claims={})
        (task,) = await waiting(one, change)

        await cancel.cancel(other.gate, change["id"], "", PIPELINE)

        assert (await asyncio.wait_for(task, look.LOOK_AGAIN_SECONDS / 2))["state"] == "canceled"


async def test_what_is_settled_is_not_waited_for(small_shop: Shop) -> None:
    change = await small_shop.submit("a")

    assert (await small_shop.read(change, wait=60))["state"] == "approved"


async def test_one_waiter_too_many_is_sent_away_and_the_others_wait_on(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiters, "WAITERS_MAX", 2)
    change = await small_shop.submit("a", claims={})
    tasks = await waiting(small_shop, change, 2)

    with pytest.raises(Unavailable, match="2 requests are waiting already"):
        await small_shop.read(change, wait=60)
    await cancel.cancel(small_shop.gate, change["id"], "", PIPELINE)

    assert [answer["state"] for answer in await asyncio.gather(*tasks)] == ["canceled"] * 2


async def test_d19_a61_one_caller_does_not_take_the_places_of_the_others(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiters, "WAITERS_OF_ONE_MAX", 2)
    change = await small_shop.submit("a", claims={})
    holder = ChangeHolder(change["id"], PIPELINE.caller)
    tasks = [
        asyncio.create_task(small_shop.read(change, by=PIPELINE, wait=60)),
        asyncio.create_task(small_shop.read(change, by=holder, wait=60)),
    ]
    while small_shop.gate.waiters.count < 2:  # noqa: ASYNC110 - a few turns of the loop, no time
        await asyncio.sleep(0)

    for by in (PIPELINE, holder):  # the token of a change is its submitter's
        with pytest.raises(RateLimited, match="you wait 2 times already"):
            await small_shop.read(change, by=by, wait=60)
    assert (await small_shop.read(change, by=PIPELINE))[
        "state"
    ] == "pending"  # who does not wait takes no place
    other = asyncio.create_task(small_shop.read(change, by=ADMIN, wait=60))
    await cancel.cancel(small_shop.gate, change["id"], "", PIPELINE)

    assert [answer["state"] for answer in await asyncio.gather(*tasks, other)] == ["canceled"] * 3
    again = await small_shop.submit("b", claims={})
    task = asyncio.create_task(
        small_shop.read(again, by=PIPELINE, wait=60)
    )  # the places are free again
    await cancel.cancel(small_shop.gate, again["id"], "", PIPELINE)
    assert (await task)["state"] == "canceled"


async def test_whoever_gives_up_waiting_leaves_no_place_taken(small_shop: Shop) -> None:
    change = await small_shop.submit("a", claims={})
    (task,) = await waiting(small_shop, change)

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert small_shop.gate.waiters.count == 0


# Pages


async def test_an_environment_is_found_by_each_of_its_names(small_shop: Shop) -> None:
    change = await small_shop.submit("a", environment="prod")

    for name, found in (
        ("production", [change["id"]]),
        ("live", [change["id"]]),
        ("stage", []),
        ("Production", []),
    ):
        assert (
            ids(await look.changes(small_shop.gate, ChangeFilters(environment=name), PIPELINE))
            == found
        )
        assert ids(await log.page(small_shop.gate, LogFilters(environment=name), AUDITOR)) == found
        assert [
            row.change async for row in log.stream(small_shop.gate, LogFilters(environment=name))
        ] == found


async def walk(shop: Shop, filters: ChangeFilters, by: Caller) -> list[str]:
    """All pages of two."""
    found, cursor = [], None
    while True:
        page = await look.changes(shop.gate, filters, by, Part(limit=2, cursor=cursor))
        found += ids(page)
        cursor = page.next
        if cursor is None:
            return found


async def test_pages_give_everything_once_newest_first(shop: Shop) -> None:
    changes = [
        await shop.submit(letter, service="web", environment="staging") for letter in "abcde"
    ]

    expected = [change["id"] for change in reversed(changes)]
    assert (
        await walk(shop, ChangeFilters(), WEB)
        == await walk(shop, ChangeFilters(state=State.APPROVED), WEB)
        == expected
    )


async def test_a45_a_cursor_of_somebody_else_or_of_other_filters_is_refused(
    small_shop: Shop,
) -> None:
    for letter in "abc":
        await small_shop.submit(letter, claims={})
    every, ours = ChangeFilters(), ChangeFilters(service="checkout")
    mine = (await look.changes(small_shop.gate, every, PIPELINE, Part(limit=1))).next
    assert mine is not None
    after, now = Part(limit=1, cursor=mine), small_shop.gate.clock()

    assert ids(await look.changes(small_shop.gate, every, PIPELINE, after))
    for filters, by, part in (
        (every, OTHER_PIPELINE, after),
        (ours, PIPELINE, after),
        (every, PIPELINE, replace(after, begins=now)),
        (every, PIPELINE, replace(after, ends=now)),
        (every, PIPELINE, replace(after, cursor=mine[:-1] + ("A" if mine[-1] != "A" else "B"))),
        (every, PIPELINE, replace(after, cursor="")),
    ):
        with pytest.raises(BadRequest) as refused:
            await look.changes(small_shop.gate, filters, by, part)
        assert refused.value.problem == "bad_cursor"
    with pytest.raises(BadRequest):
        await log.page(small_shop.gate, LogFilters(), PIPELINE, after)


async def test_the_log_is_paged_and_streamed_alike(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "CHUNK_ROWS", 2)
    changes = [await shop.submit(letter, environment="staging") for letter in "abcde"]

    streamed = [row async for row in log.stream(shop.gate, LogFilters())]
    paged: list[log.RowAnswer] = []
    cursor = None
    while True:
        page = await log.page(shop.gate, LogFilters(), AUDITOR, Part(limit=2, cursor=cursor))
        paged += page.items
        cursor = page.next
        if cursor is None:
            break

    assert streamed == paged
    assert [row.change for row in streamed] == [change["id"] for change in reversed(changes)]
    assert as_json(streamed[0])["requested_by"] == "zoe@example.com"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("HALF even", True),
        ("half odd", False),
        (commit_of("a"), True),
        ("zoe example", True),
        ("staging", False),
        ("%", True),
        ("", True),
    ],
)
async def test_the_log_finds_words(shop: Shop, words: str, found: bool) -> None:  # noqa: FBT001 - a column of the table
    change = await shop.submit("a")

    assert (
        ids(await log.page(shop.gate, LogFilters(words=words), AUDITOR)) == [change["id"]]
    ) is found
