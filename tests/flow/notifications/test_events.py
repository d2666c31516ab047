"""What is told outside: every step of a change, in the same bytes however late, and nothing that
somebody wrote or may not be known.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from gate.core.change import Result
from gate.core.messages.outgoing import Event, Message
from gate.errors import Undeliverable
from gate.flow.changes import cancel, review
from gate.flow.commands import ReviewCommand
from gate.flow.notifications.events import TYPES, delivering, read_event
from gate.storage.database.tx import Subscription
from gate.storage.messages import outbox
from gate.storage.tables import schema_work
from tests.builders import SMALL, Wire, make_person
from tests.flow.shop import PIPELINE, Shop, as_json, open_usual_shop

pytestmark = pytest.mark.anyio

ADA = make_person("ada", "release-managers")
LARGE = {**SMALL, "diff.lines_added": 300}


@pytest.fixture
async def shop(shop_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A gate in service that tells one receiver everything."""
    async with open_usual_shop(shop_url, tmp_path) as opened:
        opened.gate.store.subscribe({kind: [Subscription("webhook:lake")] for kind in TYPES})
        yield opened


async def messages(shop: Shop) -> list[Message]:
    """Everything in the outbox, in order."""
    found = await shop.gate.store.read(
        lambda conn: conn.execute(
            select(schema_work.outbox).order_by(schema_work.outbox.c.at)
        ).all()
    )
    return [Message(row.id, row.target, row.change_id, bytes(row.body), 1) for row in found]


async def event(shop: Shop, message: Message) -> Event:
    found = await shop.gate.store.read(read_event, shop.gate.rulebooks, message, shop.gate.base_url)
    assert found is not None
    return found


def data_of(event: Event) -> Wire:
    """The data as a receiver reads it."""
    return as_json(event.data)


async def events(shop: Shop) -> list[Event]:
    return [await event(shop, message) for message in await messages(shop)]


async def types(shop: Shop) -> list[str]:
    return sorted(one.type for one in await events(shop))


async def approve(shop: Shop, change: Wire) -> None:
    await review.approve(
        shop.gate, change["id"], ReviewCommand(change["subject_digest"], "a secret thought"), ADA
    )


async def test_a_deployment_is_told_from_its_decision_to_its_end(shop: Shop) -> None:
    change = await shop.submit("a")
    await shop.admit(change)
    await shop.close(change, Result.SUCCESSFUL, notes="all is well")

    assert await types(shop) == ["change.admitted", "change.closed", "change.decided"]
    decided, admitted, closed = await events(shop)
    assert data_of(decided)["decision"]["outcome"] == "approved"
    assert (
        data_of(decided)["change"]["links"]["self"]
        == f"https://gate.example.com/v1/changes/{change['id']}"
    )
    assert [one["because"] for one in data_of(decided)["decision"]["reasons"]] == [
        one["because"] for one in change["reasons"]
    ]
    assert data_of(admitted)["run"] == [
        change["run"]["id"],
        change["run"]["attempt"],
        change["run"]["step"],
    ]
    assert data_of(closed)["result"] == "successful"


async def test_what_people_decide_is_told_and_that_it_is_complete_too(shop: Shop) -> None:
    change = await shop.submit("a", claims=LARGE)
    await approve(shop, change)

    assert await types(shop) == ["change.approval_given", "change.approved", "change.decided"]
    approved = next(one for one in await events(shop) if one.type == "change.approved")
    assert (data_of(approved)["number"], data_of(approved)["subject_digest"]) == (
        1,
        change["subject_digest"],
    )


async def test_other_ends_are_told(shop: Shop) -> None:
    rejected = await shop.submit("a", claims=LARGE)
    canceled = await shop.submit("b", claims=LARGE, service="ledger")
    expired = await shop.submit("c", claims=LARGE, service="web")
    owner = make_person("farida", "team-payments")
    await review.reject(
        shop.gate, rejected["id"], ReviewCommand(rejected["subject_digest"], "no"), owner
    )
    await cancel.cancel(shop.gate, canceled["id"], "later", PIPELINE)
    await shop.let_pass(timedelta(days=2))
    await shop.round()

    found = {one.change: one for one in await events(shop) if one.type != "change.decided"}
    assert {key: one.type for key, one in found.items()} == {
        rejected["id"]: "change.rejected",
        canceled["id"]: "change.canceled",
        expired["id"]: "change.expired",
    }


async def test_an_event_is_the_same_however_late_it_is_read(shop: Shop) -> None:
    change = await shop.submit("a", claims=LARGE)
    before = await events(shop)
    await approve(shop, change)
    await shop.admit(change)
    await shop.close(change, Result.UNSUCCESSFUL)
    await shop.adopt(bands="{moderate: 10, high: 20, critical: 30}")

    after = {one.id: one for one in await events(shop)}
    assert [after[one.id] for one in before] == before


async def test_nothing_that_a_person_wrote_is_told_but_the_title(shop: Shop) -> None:
    change = await shop.submit("a", claims=LARGE, description="a secret plan", title="Baskets")
    await approve(shop, change)
    await cancel.cancel(shop.gate, change["id"], "a secret reason", PIPELINE)

    sent = b"".join(orjson.dumps(data_of(one)) for one in await events(shop))
    assert b"secret" not in sent
    assert b"Baskets" in sent
    assert change.get("change_token", "gatec_").encode() not in sent


async def test_without_a_subscriber_there_is_no_message(shop: Shop) -> None:
    shop.gate.store.subscribe({})
    change = await shop.submit("a", claims=LARGE)
    await approve(shop, change)
    await shop.admit(change)

    assert await messages(shop) == []


NOTHING = [
    (None, b'{"kind":"decision"}'),
    ("chg_none", b'{"kind":"decision"}'),
    (None, b'{"kind":"freeze"}'),
]


@pytest.mark.parametrize(("change", "body"), NOTHING)
async def test_a_message_about_nothing_is_dead_and_not_tried_for_ever(
    shop: Shop, change: str | None, body: bytes
) -> None:
    sent: list[Any] = []

    async def send(target: str, event: Event) -> None:
        sent.append((target, event))

    with pytest.raises(Undeliverable):
        await delivering(shop.gate, send)(Message("msg_1", "webhook:lake", change, body, 1))
    assert sent == []


async def test_the_receiver_is_told_under_the_id_of_the_message(shop: Shop) -> None:
    sent: list[tuple[str, str]] = []

    async def send(target: str, event: Event) -> None:
        sent.append((target, event.id))

    await shop.submit("a")
    (message,) = await messages(shop)
    for _ in range(2):
        await delivering(shop.gate, send)(message)

    assert sent == [("webhook:lake", message.id)] * 2


def test_ids_of_messages_cannot_be_guessed() -> None:
    assert len({outbox.new_message_id() for _ in range(100)}) == 100
    assert len(outbox.new_message_id()) == len("msg_") + 32
