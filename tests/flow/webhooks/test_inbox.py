"""Deliveries of other systems: kept once, worked on until it succeeds or is given up."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from gate.errors import Invalid, Unavailable
from gate.flow.gate import Gate
from gate.flow.queries.upkeep import upkeep
from gate.flow.webhooks import inbox
from gate.storage.database.tx import Tx
from gate.storage.messages.inbox import CLAIMED_MAX, Claimed, InboxDelivery
from gate.storage.tables.schema_hooks import deliveries
from tests.flow.shop import Shop

pytestmark = pytest.mark.anyio

HOUR_US = 3_600_000_000


def delivery(named: str = "one", **different: Any) -> InboxDelivery:
    """Something that was told."""
    return InboxDelivery(
        **{
            "source": "pagerduty",
            "named": named,
            "kind": "note",
            "caller": "pagerduty",
            "body": b"text",
            **different,
        }
    )


class Hand:
    """Works on deliveries as the test says, and remembers them."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.seen: list[Claimed] = []

    async def __call__(self, gate: Gate, one: Claimed) -> None:
        """Fail as long as there is an error left."""
        _ = gate
        self.seen.append(one)
        if self.errors:
            raise self.errors.pop(0)


def rows(conn: Connection) -> list[tuple[int, bool, bytes, str | None]]:
    """Attempts, whether it is still due, what is left of it, and the last error."""
    found = conn.execute(select(deliveries).order_by(deliveries.c.key))
    return [(row.attempts, row.next_at is not None, bytes(row.body), row.error) for row in found]


def earlier(tx: Tx, hours: int) -> None:
    """Everything that is due later is due so much sooner, and was told so much earlier."""
    d = deliveries.c
    tx.conn.execute(update(deliveries).values(at=d.at - hours * HOUR_US))
    tx.conn.execute(
        update(deliveries).where(d.next_at.is_not(None)).values(next_at=d.next_at - hours * HOUR_US)
    )


async def test_the_same_delivery_is_kept_once_and_worked_on_once(shop: Shop) -> None:
    hand = Hand()

    new = [
        await inbox.receive(shop.gate, [delivery(), delivery("two"), delivery()]),
        await inbox.receive(shop.gate, [delivery()]),
    ]
    worked = [await inbox.work(shop.gate, {"note": hand}) for _ in range(2)]

    assert new == [2, 0]
    assert worked == [2, 0]
    assert {(one.source, one.kind, one.body, one.attempts) for one in hand.seen} == {
        ("pagerduty", "note", b"text", 1)
    }
    assert await shop.gate.store.read(rows) == [(1, False, b"", None)] * 2


async def test_two_sources_may_name_their_deliveries_alike(small_shop: Shop) -> None:
    assert await inbox.receive(small_shop.gate, [delivery(), delivery(source="cdevents")]) == 2


@pytest.mark.parametrize(
    "error", [Unavailable("the host is down"), ZeroDivisionError("a fault of ours")]
)
async def test_what_fails_for_now_is_tried_again_later(shop: Shop, error: Exception) -> None:
    hand = Hand(error)
    await inbox.receive(shop.gate, [delivery()])

    at_once = [await inbox.work(shop.gate, {"note": hand}) for _ in range(2)]
    await shop.gate.store.write(earlier, 1)
    later = await inbox.work(shop.gate, {"note": hand})

    assert (at_once, later) == ([1, 0], 1)
    assert await shop.gate.store.read(rows) == [(2, False, b"", None)]


async def test_what_always_fails_is_given_up_visibly(small_shop: Shop) -> None:
    hand = Hand(*[Unavailable("down")] * (inbox.ATTEMPTS_MAX + 5))
    await inbox.receive(small_shop.gate, [delivery()])

    for _ in range(inbox.ATTEMPTS_MAX + 5):
        await inbox.work(small_shop.gate, {"note": hand})
        await small_shop.gate.store.write(earlier, 1)

    assert len(hand.seen) == inbox.ATTEMPTS_MAX
    assert await small_shop.gate.store.read(rows) == [(inbox.ATTEMPTS_MAX, False, b"", "down")]


@pytest.mark.parametrize(
    "sender",
    [
        pytest.param({"source": "github"}, id="another source"),
        pytest.param({"caller": "token:other"}, id="A61 another token of the source"),
    ],
)
async def test_a_sender_with_much_to_tell_is_worked_through_and_keeps_no_other_waiting(
    shop: Shop, sender: dict[str, str]
) -> None:
    begun, hand = asyncio.Event(), Hand()

    async def slow(gate: Gate, one: Claimed) -> None:
        """Waits until the other sender was worked on."""
        await begun.wait()
        await hand(gate, one)

    async def quick(gate: Gate, one: Claimed) -> None:
        """Lets it go on."""
        begun.set()
        await hand(gate, one)

    much = [delivery(str(number), **sender, kind="slow") for number in range(2 * CLAIMED_MAX + 1)]
    await inbox.receive(shop.gate, [*much, delivery("last", kind="quick")])

    assert await inbox.work(shop.gate, {"slow": slow, "quick": quick}) == len(much) + 1
    assert hand.seen[0].kind == "quick"


async def test_what_can_never_be_done_is_given_up_at_once(small_shop: Shop) -> None:
    await inbox.receive(small_shop.gate, [delivery("a"), delivery("b", kind="unheard of")])

    await inbox.work(small_shop.gate, {"note": Hand(Invalid("no such service"))})

    errors = sorted(str(error) for _, _, _, error in await small_shop.gate.store.read(rows))
    assert errors == ["no such service", "nothing here works on deliveries of kind unheard of"]


async def test_c17_what_was_given_up_is_counted_and_shown_with_the_reason(shop: Shop) -> None:
    await inbox.receive(shop.gate, [delivery("a"), delivery("b"), delivery("c", source="github")])
    await inbox.work(shop.gate, {"note": Hand(Invalid("no such service"))})
    await inbox.receive(shop.gate, [delivery("d")])

    await inbox.measure(shop.gate)
    shown = await upkeep(shop.gate)

    figures = shop.gate.metrics.exposition().decode()
    (source,) = {one.source for one in shown.given_up}
    assert f'gate_inbox_given_up{{source="{source}"}} 1.0' in figures
    assert 'gate_inbox_waiting{source="pagerduty"} 1.0' in figures
    assert [(one.kind, one.attempts, one.error) for one in shown.given_up] == [
        ("note", 1, "no such service")
    ]
    shown_counts = {one.name: (one.waiting, one.dead) for one in shown.inbox}
    assert shown_counts["pagerduty"][0] == 1
    assert sum(dead for _, dead in shown_counts.values()) == 1


async def test_c17_what_was_given_up_is_worked_on_anew_when_its_source_sends_it_again(
    shop: Shop,
) -> None:
    await inbox.receive(shop.gate, [delivery()])
    await inbox.work(shop.gate, {"note": Hand(Invalid("no such service"))})
    mended = Hand()

    new = [await inbox.receive(shop.gate, [delivery(body=b"again")]) for _ in range(2)]
    await inbox.work(shop.gate, {"note": mended})
    done = await inbox.receive(shop.gate, [delivery()])

    assert (new, done) == ([1, 0], 0)
    assert [(one.body, one.attempts) for one in mended.seen] == [(b"again", 1)]
    assert await shop.gate.store.read(rows) == [(1, False, b"", None)]


async def test_a_delivery_is_forgotten_when_nobody_sends_it_any_more_and_never_before_it_was_worked_on(
    shop: Shop,
) -> None:
    await inbox.receive(shop.gate, [delivery()])
    await shop.gate.store.write(earlier, inbox.KEPT_FOR // timedelta(hours=1) + 1)

    await inbox.tidy(shop.gate)
    kept = len(await shop.gate.store.read(rows))
    await inbox.work(shop.gate, {"note": Hand()})
    await inbox.tidy(shop.gate)

    assert (kept, await shop.gate.store.read(rows)) == (1, [])
