"""Messages go out at least once; a target that is dead, slow or wrong keeps neither a decision nor
another target waiting.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from gate.core.messages.outgoing import Message
from gate.errors import SourceUnavailable, Undeliverable
from gate.flow.notifications import notify
from gate.flow.notifications.notify import (
    AT_ONCE_MAX,
    ATTEMPTS_MAX,
    FIRST_PAUSE,
    LEASE,
    PAUSE_MAX,
    Post,
    pause,
)
from gate.storage.database.pages import Part
from gate.storage.database.rows import MessageRow
from gate.storage.database.tx import Subscription, Tx
from gate.storage.messages import dead_letters, outbox
from gate.storage.messages.dead_letters import DeadLetter, TargetHealth
from gate.storage.tables import schema_work
from tests.flow.shop import Shop

pytestmark = pytest.mark.anyio


@dataclass(slots=True)
class Receiver:
    """Takes messages, or does what `answer` does first."""

    answer: Callable[[Message], Awaitable[None]] | None = None
    got: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def __call__(self, message: Message) -> None:
        """Note it, and how many come at the same time."""
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0)
            if self.answer is not None:
                await self.answer(message)
            self.got.append(message.id)
        finally:
            self.at_once -= 1


def raising(error: Exception) -> Callable[[Message], Awaitable[None]]:
    async def answer(message: Message) -> None:
        _ = message
        raise error

    return answer


async def put(shop: Shop, *names: str, target: str = "chat", attempts: int = 0) -> None:
    def write(tx: Tx) -> None:
        outbox.insert_messages(
            tx,
            [MessageRow(name, tx.now, target, None, b"{}", tx.now) for name in names],
        )
        tx.conn.execute(
            schema_work.outbox.update()
            .where(schema_work.outbox.c.id.in_(names))
            .values(attempts=attempts)
        )

    await shop.gate.store.write(write)


async def health(shop: Shop) -> dict[str, TargetHealth]:
    return {one.target: one for one in await shop.gate.store.read(dead_letters.health)}


async def dead(shop: Shop) -> list[DeadLetter]:
    return list((await shop.gate.store.read(dead_letters.dead_letter_page, Part(10))).rows)


async def turn(post: Post) -> None:
    await post.turn()
    await post.settled()


async def due_in(shop: Shop, name: str) -> timedelta:
    """How long until it is tried again."""
    at: datetime = await shop.gate.store.read(
        lambda conn: conn.scalars(
            select(schema_work.outbox.c.next_at).where(schema_work.outbox.c.id == name)
        ).one()
    )
    return at - await shop.gate.store.now()


async def test_a_message_goes_out_once_and_is_done(shop: Shop) -> None:
    receiver = Receiver()
    post = Post(shop.gate, {"chat": receiver})
    await put(shop, "a", "b")

    await turn(post)
    await turn(post)

    assert sorted(receiver.got) == ["a", "b"]
    assert await health(shop) == {}


async def test_two_workers_send_nothing_twice(shop: Shop) -> None:
    receiver = Receiver()
    posts = [Post(shop.gate, {"chat": receiver}) for _ in range(3)]
    names = [f"{number:03}" for number in range(50)]
    await put(shop, *names)

    await asyncio.gather(*(turn(post) for post in posts))

    assert sorted(receiver.got) == names


async def test_no_more_than_some_at_once(shop: Shop) -> None:
    receiver = Receiver()
    await put(shop, *(f"{number:03}" for number in range(3 * AT_ONCE_MAX)))

    await turn(Post(shop.gate, {"chat": receiver}))

    assert len(receiver.got) == 3 * AT_ONCE_MAX
    assert receiver.most_at_once == AT_ONCE_MAX


@pytest.mark.parametrize(
    "error",
    [SourceUnavailable("down"), ValueError("a bug"), OSError("no network")],
    ids=["down", "a fault of our own", "an error nobody translated"],
)
async def test_f20_what_did_not_arrive_is_tried_again_later(shop: Shop, error: Exception) -> None:
    receiver = Receiver(raising(error))
    post = Post(shop.gate, {"chat": receiver})
    await put(shop, "a")

    await turn(post)

    assert (await health(shop))["chat"].waiting == 1
    assert FIRST_PAUSE * 0.4 < await due_in(shop, "a") <= FIRST_PAUSE


async def test_a_receiver_may_say_when_to_come_again(shop: Shop) -> None:
    await put(shop, "a")

    await turn(
        Post(
            shop.gate,
            {"chat": Receiver(raising(SourceUnavailable("busy", retry_after_seconds=900)))},
        )
    )

    assert await due_in(shop, "a") > timedelta(seconds=890)


async def test_a_receiver_that_never_answers_is_given_up_for_now(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "DELIVERY_SECONDS_MAX", 0.01)

    async def hang(message: Message) -> None:
        _ = message
        await asyncio.Event().wait()

    await put(shop, "a")
    await turn(Post(shop.gate, {"chat": Receiver(hang)}))

    assert (await health(shop))["chat"].waiting == 1


async def test_a_dead_target_is_left_alone_and_another_one_is_not(shop: Shop) -> None:
    down, well = Receiver(raising(SourceUnavailable("down"))), Receiver()
    asked = 0

    async def count(message: Message) -> None:
        nonlocal asked
        asked += 1
        raise SourceUnavailable(message.id)

    down.answer = count
    post = Post(shop.gate, {"hook": down, "chat": well})
    await put(shop, *(f"{number:03}" for number in range(100)), target="hook:dead")
    await put(shop, "a")

    await turn(post)
    await turn(post)

    assert well.got == ["a"]
    assert asked == AT_ONCE_MAX


async def test_f20_a_slow_target_keeps_no_other_waiting(shop: Shop) -> None:
    go = asyncio.Event()

    async def wait(message: Message) -> None:
        _ = message
        await go.wait()

    well = Receiver()
    post = Post(shop.gate, {"hook": Receiver(wait), "chat": well})
    await put(shop, "slow", target="hook:slow")
    await post.turn()
    await put(shop, "a")
    while not well.got:
        await post.turn()
        await asyncio.sleep(0.01)
    go.set()
    await post.settled()

    assert well.got == ["a"]


async def test_what_is_refused_for_good_is_dead_at_once_and_can_be_sent_again(shop: Shop) -> None:
    receiver = Receiver(raising(Undeliverable("it answered 410")))
    post = Post(shop.gate, {"chat": receiver})
    await put(shop, "a")
    await turn(post)
    (letter,) = await dead(shop)
    receiver.answer = None

    assert (letter.id, letter.error) == ("a", "it answered 410")
    assert await shop.gate.store.write(dead_letters.send_again, "a")
    await turn(post)
    assert receiver.got == ["a"]


@pytest.mark.parametrize(
    ("attempts", "is_dead"), [(ATTEMPTS_MAX - 2, False), (ATTEMPTS_MAX - 1, True)]
)
async def test_the_last_attempt_is_the_last(shop: Shop, attempts: int, is_dead: bool) -> None:  # noqa: FBT001 - a case
    await put(shop, "a", attempts=attempts)

    await turn(Post(shop.gate, {"chat": Receiver(raising(SourceUnavailable("down")))}))

    assert bool(await dead(shop)) is is_dead


async def test_targets_that_nobody_serves_here_are_left_for_those_who_do(shop: Shop) -> None:
    await put(shop, "a", target="elsewhere:1")

    await turn(Post(shop.gate, {"chat": Receiver()}))

    assert (await health(shop))["elsewhere:1"].waiting == 1


async def test_f20_f21_a_worker_that_died_loses_its_messages_to_the_next(shop: Shop) -> None:
    await put(shop, "a")
    await shop.gate.store.write(outbox.claim, "chat", lease_for=LEASE)
    receiver = Receiver()
    post = Post(shop.gate, {"chat": receiver})
    await turn(post)
    assert receiver.got == []

    await shop.gate.store.write(
        lambda tx: (
            tx.conn.execute(schema_work.outbox.update().values(lease_until=tx.now - LEASE)).rowcount
        )
    )
    await turn(post)
    assert receiver.got == ["a"]


async def test_a_stop_ends_what_is_under_way_and_marks_nothing(shop: Shop) -> None:
    async def hang(message: Message) -> None:
        _ = message
        await asyncio.Event().wait()

    post = Post(shop.gate, {"chat": Receiver(hang)})
    await put(shop, "a")
    await post.turn()
    await post.stop()

    assert (await health(shop))["chat"].waiting == 1


async def test_f20_a_decision_waits_for_no_receiver(shop: Shop) -> None:
    async def hang(message: Message) -> None:
        _ = message
        await asyncio.Event().wait()

    shop.gate.store.subscribe({"decision": [Subscription("chat")]})
    post = Post(shop.gate, {"chat": Receiver(hang)})
    await shop.submit("a")
    await post.turn()
    change = await shop.submit("b", service="web", environment="staging")
    await post.stop()

    assert change["state"] in {"approved", "pending"}
    assert (await health(shop))["chat"].waiting == 2


async def test_an_operator_sees_how_every_target_is(shop: Shop) -> None:
    post = Post(shop.gate, {"chat": Receiver(raising(Undeliverable("no")))})
    await put(shop, "a")
    await turn(post)
    await put(shop, "b", target="hook:lake")

    await post.measure()

    shown = shop.gate.metrics.exposition().decode()
    assert 'gate_outbox_dead{target="chat"} 1.0' in shown
    assert 'gate_outbox_waiting{target="hook:lake"} 1.0' in shown
    assert 'gate_deliveries_total{kind="chat",result="dead"} 1.0' in shown


def test_pauses_grow_up_to_a_limit_and_differ() -> None:
    assert all(FIRST_PAUSE * 0.5 <= pause(1) <= FIRST_PAUSE for _ in range(100))
    assert all(PAUSE_MAX * 0.5 <= pause(attempts) <= PAUSE_MAX for attempts in (ATTEMPTS_MAX, 1000))
    assert len({pause(3) for _ in range(20)}) > 1
