"""What is pruned is older than it has to be kept, and never a part of the record."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from gate.core.change import Artifact, Emergency
from gate.flow.changes import cancel, review
from gate.flow.commands import FreezeCommand, ReviewCommand
from gate.flow.learning import measures
from gate.flow.learning.measures import MeasureCommand
from gate.flow.policies import freezes
from gate.storage.database.tx import Tx
from gate.storage.privacy.prune import Prunable, count, prune
from gate.storage.tables.schema_work import outbox
from tests.builders import commit_of, make_person
from tests.flow.ledger.exported import faults_of, settle
from tests.flow.shop import ADA, PIPELINE, Shop, open_usual_shop

pytestmark = pytest.mark.anyio
LARGE = {"diff.lines_added": 500, "diff.lines_deleted": 2, "diff.files_changed": 1}
CHLOE = make_person("chloe", "on-call")


@pytest.fixture
async def shop(shop_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_usual_shop(shop_url, tmp_path) as opened:
        yield opened


async def ended(shop: Shop, letter: str) -> str:
    change = await shop.submit(letter, claims=LARGE, title=f"title of {letter}")
    shown = ReviewCommand(change["subject_digest"], "a comment")
    await review.approve(shop.gate, change["id"], shown, ADA)
    await shop.admit(await shop.read(change))
    await shop.close(change, notes="some notes")
    return str(change["id"])


async def test_only_what_people_wrote_about_changes_that_ended_long_ago_is_pruned(
    shop: Shop,
) -> None:
    old = await ended(shop, "a")
    urgent = await shop.submit(
        "b", base=commit_of("a"), title="owed", emergency=Emergency("it burns", "INC-1")
    )
    await review.approve(shop.gate, urgent["id"], ReviewCommand(urgent["subject_digest"]), CHLOE)
    await shop.admit(await shop.read(urgent))
    await shop.close(urgent)
    waiting = await shop.submit("c", claims=LARGE, title="waits")
    await shop.let_pass(timedelta(days=800))
    young = await ended(shop, "d")
    before = shop.gate.clock() - timedelta(days=730)

    assert await pruned(shop, Prunable.TEXTS, before - timedelta(days=365)) == 0
    there = await shop.gate.store.read(count, Prunable.TEXTS, before)
    assert await pruned(shop, Prunable.TEXTS, before) == there > 0
    assert await pruned(shop, Prunable.TEXTS, before) == 0

    titles = [(await shop.read(one))["title"] for one in (old, urgent, waiting, young)]
    assert titles == ["", "owed", "waits", "title of d"]
    gone = await shop.read(old)
    (given,) = gone["approvals"]["given"]
    assert (given["person"], given["name"], given["comment"]) == ("per_ada", "Ada Ekberg", None)
    assert gone["closed"]["notes"] == ""
    await settle(shop)
    assert await faults_of(shop) == []


async def test_the_reason_of_a_window_stays_when_a_change_that_it_held_is_pruned(
    shop: Shop,
) -> None:
    await freezes.add(shop.gate, FreezeCommand("The data centre burns", stop=True), ADA)
    held = await shop.submit("a", claims=LARGE, title="held")
    assert held["hold"]["reason"] == "The data centre burns"
    await cancel.cancel(shop.gate, held["id"], "later", PIPELINE)
    await shop.let_pass(timedelta(days=800))

    assert await pruned(shop, Prunable.TEXTS, shop.gate.clock() - timedelta(days=730)) > 0
    assert (await shop.read(held))["title"] == ""
    (stands,) = await freezes.not_over(shop.gate)
    assert stands.reason == "The data centre burns"


async def test_an_artifact_with_the_id_of_a_text_takes_no_text_of_others_with_it(
    shop: Shop,
) -> None:
    waiting = await shop.submit("c", claims=LARGE, title="waits")
    (record,) = await shop.records(waiting)
    hostile = Artifact("hostile", f"sha256:{record.asked.title}")
    await shop.deploy("a", service="web", artifacts=(hostile,))
    await shop.let_pass(timedelta(days=800))

    await pruned(shop, Prunable.TEXTS, shop.gate.clock() - timedelta(days=730))
    assert (await shop.read(waiting))["title"] == "waits"


@pytest.mark.parametrize("end", ["delivered_at", "dead_at"])
async def test_a_message_that_nobody_got_yet_keeps_its_change_whole(shop: Shop, end: str) -> None:
    change = await ended(shop, "a")
    other = await ended(shop, "b")
    await shop.gate.store.write(wait_for_chat, change)
    await shop.let_pass(timedelta(days=800))
    before = shop.gate.clock() - timedelta(days=730)

    await pruned(shop, Prunable.TEXTS, before)
    assert [(await shop.read(one))["title"] for one in (change, other)] == ["title of a", ""]
    assert await shop.gate.store.read(waiting_messages) == 1

    await shop.gate.store.write(end_it, end)
    await pruned(shop, Prunable.TEXTS, before)
    assert (await shop.read(change))["title"] == ""


def wait_for_chat(tx: Tx, change: str) -> None:
    row = {"id": "m", "at": tx.now, "target": "chat", "change_id": change, "body": b"{}"}
    tx.conn.execute(outbox.insert().values({**row, "next_at": tx.now}))


def waiting_messages(conn: Connection) -> int:
    return len(conn.execute(select(outbox.c.id)).all())


def end_it(tx: Tx, end: str) -> None:
    tx.conn.execute(update(outbox).values({end: tx.now}))


async def test_measures_are_pruned_by_the_time_they_were_taken(shop: Shop) -> None:
    now = shop.gate.clock()
    for days in (800, 10):
        command = MeasureCommand("checkout", None, "latency", "ms", 7, now - timedelta(days=days))
        await measures.keep(shop.gate, command, PIPELINE)

    before = now - timedelta(days=730)
    assert await shop.gate.store.read(count, Prunable.MEASURES, before) == 1
    assert await pruned(shop, Prunable.MEASURES, before) == 1
    assert await shop.gate.store.read(count, Prunable.MEASURES, now) == 1


async def pruned(shop: Shop, what: Prunable, before: datetime) -> int:
    def delete(tx: Tx) -> int:
        return prune(tx, what, before)

    return await shop.gate.store.write(delete)
