"""People are asked where they talk, and what they press is done as by anybody else: same rules,
same binding, once.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gate.core.instants import FIRST
from gate.core.messages.digest import Digest
from gate.core.messages.notice import Click, Notice, Occasion
from gate.core.messages.outgoing import Message
from gate.errors import GateError, SourceUnavailable, Unauthenticated, Undeliverable
from gate.flow.changes import review
from gate.flow.commands import ReviewCommand
from gate.flow.notifications import chat
from gate.flow.notifications.notify import Post
from gate.flow.notifications.remind import remind
from gate.flow.webhooks import inbox
from gate.storage.database.tx import Tx
from gate.storage.identity import people
from gate.storage.messages import reminders
from gate.storage.tables import schema_work
from gate.storage.tables.schema_work import reminders as reminder_rows
from tests.builders import SMALL, Wire, person_id
from tests.flow.shop import ADA, CATALOGUE, Shop, make_files, open_shop

pytestmark = pytest.mark.anyio

LARGE = {**SMALL, "diff.lines_added": 300}
MEMBERS = {
    "ada@example.com], github": "ada@example.com], slack: U0ADA, github",
    "ben@example.com]": "ben@example.com], slack: U0BEN",
}
REMIND = "{after: 2h, escalate_to: [on-call]}"


@dataclass(slots=True)
class Channel:
    """A channel that remembers."""

    said: list[Notice] = field(default_factory=list)
    answers: list[tuple[str, str]] = field(default_factory=list)
    headers: tuple[str, ...] = ()
    digests: list[Digest] = field(default_factory=list)
    fails: GateError | None = None

    async def send(self, digest: Digest) -> None:
        """Note it, or fail."""
        if self.fails is not None:
            raise self.fails
        self.digests.append(digest)

    async def say(self, notice: Notice) -> None:
        """Note it."""
        self.said.append(notice)

    async def answer(self, reply_to: str, text: str) -> None:
        """Note it."""
        self.answers.append((reply_to, text))

    def pressed(
        self, headers: Mapping[str, str | None], body: bytes, now: datetime
    ) -> Click | None:
        """Nothing is ever heard here."""
        _ = headers, body, now
        return None


@dataclass(frozen=True, slots=True)
class Talk:
    """A gate that is joined to a channel."""

    shop: Shop
    channel: Channel

    async def deliver(self) -> list[Notice]:
        """Everything that waits, and what was said of it."""
        post = Post(self.shop.gate, {chat.TARGET: chat.delivering(self.shop.gate, self.channel)})
        begins = len(self.channel.said)
        await post.turn()
        await post.settled()
        return self.channel.said[begins:]

    async def press(
        self, change: Wire, member: str, *, approves: bool = True, **different: Any
    ) -> str:
        """Press a button under the change, and read the answer."""
        count = len(self.channel.answers)
        click = Click(
            f"{count}-{member}",
            member,
            approves,
            change["id"],
            change["subject_digest"],
            "https://hooks.example.com/a",
        )
        await chat.take(self.shop.gate, replace(click, **different))
        await inbox.work(self.shop.gate, chat.HANDLERS)
        await self.deliver()
        return self.channel.answers[-1][1]


def files(**parts: str) -> dict[str, str]:
    text = CATALOGUE
    for before, after in MEMBERS.items():
        text = text.replace(before, after)
    return {**make_files(**parts), "catalog.yaml": text}


@pytest.fixture
async def talk(database_url: str, tmp_path: Path) -> AsyncIterator[Talk]:
    """Ada, Ben and Ivan are in the channel."""
    async with open_shop(database_url, tmp_path, files(remind=REMIND)) as shop:
        shop.gate.store.subscribe(chat.SUBSCRIPTIONS)
        yield Talk(shop, Channel())


async def state(talk: Talk, change: Wire) -> str:
    return str((await talk.shop.read(change))["state"])


# Asking


async def test_whoever_may_approve_is_asked_with_the_reasons(talk: Talk) -> None:
    change = await talk.shop.submit("a", claims=LARGE, title="Baskets")

    (notice,) = await talk.deliver()

    assert (notice.occasion, notice.change, notice.subject_digest) == (
        Occasion.ASKED,
        change["id"],
        change["subject_digest"],
    )
    assert (notice.service, notice.environment, notice.title, notice.risk) == (
        "checkout",
        "production",
        "Baskets",
        "30, moderate",
    )
    assert notice.needs == ("1 of release-managers or team-payments",)
    assert notice.members == ("U0ADA", "U0BEN", "U0IVAN")
    assert any("300 lines added" in reason for reason in notice.reasons)
    assert notice.page == f"https://gate.example.com/changes/{change['id']}"


async def test_whoever_wrote_the_change_is_not_asked(talk: Talk) -> None:
    await talk.shop.submit("a", claims=LARGE, authors=("ben@example.com",))

    (notice,) = await talk.deliver()

    assert notice.members == ("U0ADA", "U0IVAN")


async def test_what_passes_by_itself_is_nobody_s_work(talk: Talk) -> None:
    change = await talk.shop.submit("a")

    assert change["state"] == "approved"
    assert await talk.deliver() == []
    rows = await talk.shop.gate.store.read(
        lambda conn: conn.execute(select(schema_work.outbox.c.id)).all()
    )
    assert rows == []


async def test_nobody_is_asked_for_what_is_settled_by_now(talk: Talk) -> None:
    change = await talk.shop.submit("a", claims=LARGE)
    await review.approve(
        talk.shop.gate, change["id"], ReviewCommand(change["subject_digest"], "fine"), ADA
    )

    assert [one.occasion for one in await talk.deliver()] == [Occasion.APPROVED]


async def test_what_nobody_decided_is_said_to_have_expired(talk: Talk) -> None:
    await talk.shop.submit("a", claims=LARGE)
    await talk.shop.let_pass_hours(30)
    await talk.shop.round()

    assert [one.occasion for one in await talk.deliver()] == [Occasion.EXPIRED]


async def test_a_message_about_nothing_is_dead(talk: Talk) -> None:
    with pytest.raises(Undeliverable):
        await chat.delivering(talk.shop.gate, talk.channel)(
            Message("msg_1", "slack", "chg_none", b'{"kind":"approved"}', 1)
        )


# Pressing


async def test_a_stranger_changes_nothing(talk: Talk) -> None:
    change = await talk.shop.submit("a", claims=LARGE)

    assert "knows nobody with `slack: U0EVE`" in await talk.press(change, "U0EVE")
    assert await state(talk, change) == "pending"


async def test_the_author_may_not_approve_in_the_chat_either(talk: Talk) -> None:
    change = await talk.shop.submit("a", claims=LARGE, authors=("ben@example.com",))

    assert "somebody else has to decide" in await talk.press(change, "U0BEN")
    assert await state(talk, change) == "pending"


async def test_whoever_is_not_asked_may_not_approve(talk: Talk) -> None:
    change = await talk.shop.submit("a", claims=LARGE, service="web", environment="production")

    assert "you are in none of these groups" in await talk.press(change, "U0IVAN")
    assert await state(talk, change) == "pending"


async def test_whoever_was_shut_out_is_a_stranger(talk: Talk) -> None:
    change = await talk.shop.submit("a", claims=LARGE)

    def shut_out(tx: Tx) -> None:
        people.ensure(tx, person_id("ada"), "test")
        people.disable(tx, person_id("ada"))

    await talk.shop.gate.store.write(shut_out)

    assert "knows nobody" in await talk.press(change, "U0ADA")
    assert await state(talk, change) == "pending"


async def test_a_button_under_an_older_decision_changes_nothing(talk: Talk) -> None:
    change = await talk.shop.submit("a", claims=LARGE)

    assert "decided again since you looked" in await talk.press(
        change, "U0ADA", subject_digest="ab" * 32
    )
    assert await state(talk, change) == "pending"


async def test_a_request_that_was_sent_before_is_refused(talk: Talk) -> None:
    change = await talk.shop.submit("a", claims=LARGE)
    await talk.press(change, "U0BEN", id="the same")

    with pytest.raises(Unauthenticated, match="sent before"):
        await talk.press(change, "U0BEN", id="the same")


async def test_the_mapped_person_approves(talk: Talk) -> None:
    change = await talk.shop.submit("a", claims=LARGE)

    assert await talk.press(change, "U0ADA") == "You approved the change."

    found = await talk.shop.read(change)
    assert (found["state"], [one["person"] for one in found["approvals"]["given"]]) == (
        "approved",
        [person_id("ada")],
    )
    assert talk.channel.said[-1].occasion is Occasion.APPROVED
    assert talk.channel.answers[-1][0] == "https://hooks.example.com/a"


async def test_the_mapped_person_rejects(talk: Talk) -> None:
    change = await talk.shop.submit("a", claims=LARGE)

    assert await talk.press(change, "U0IVAN", approves=False) == "You rejected the change."
    assert await state(talk, change) == "rejected"
    assert talk.channel.said[-1].by == "Ivan Horvat"


# Reviews that age


async def occasions(talk: Talk) -> list[Occasion]:
    await remind(talk.shop.gate)
    return [one.occasion for one in await talk.deliver()]


async def test_a_review_that_ages_is_brought_up_again_and_then_to_others_too(talk: Talk) -> None:
    change = await talk.shop.submit("a", claims=LARGE)
    await talk.deliver()

    assert await occasions(talk) == []
    await talk.shop.let_pass_hours(2.1)
    assert await occasions(talk) == [Occasion.REMINDED]
    assert await occasions(talk) == []
    await talk.shop.let_pass_hours(2)
    assert await occasions(talk) == [Occasion.ESCALATED]
    await talk.shop.let_pass_hours(10)
    assert await occasions(talk) == []
    assert talk.channel.said[-1].change == change["id"]


async def test_a_review_that_was_overdue_before_anybody_looked_is_brought_up_once(
    talk: Talk,
) -> None:
    await talk.shop.submit("a", claims=LARGE)
    await talk.deliver()
    await talk.shop.let_pass_hours(9)

    assert await occasions(talk) == [Occasion.ESCALATED]


async def test_two_replicas_bring_it_up_once(talk: Talk) -> None:
    await talk.shop.submit("a", claims=LARGE)
    await talk.deliver()
    await talk.shop.let_pass_hours(3)
    await remind(talk.shop.gate)

    assert await occasions(talk) == [Occasion.REMINDED]


async def test_what_is_settled_is_not_brought_up_and_not_remembered(talk: Talk) -> None:
    change = await talk.shop.submit("a", claims=LARGE)
    await talk.deliver()
    await talk.shop.let_pass_hours(3)
    await remind(talk.shop.gate)
    await review.approve(
        talk.shop.gate, change["id"], ReviewCommand(change["subject_digest"], "fine"), ADA
    )

    assert await occasions(talk) == [Occasion.APPROVED]
    assert (
        await talk.shop.gate.store.read(lambda conn: conn.execute(select(reminder_rows)).all())
        == []
    )


async def test_others_are_asked_only_where_the_policy_names_them(talk: Talk) -> None:
    await talk.shop.adopt(files(remind="{after: 2h}"))
    await talk.shop.submit("a", claims=LARGE)
    await talk.deliver()
    await talk.shop.let_pass_hours(9)

    assert await occasions(talk) == [Occasion.REMINDED]
    assert await occasions(talk) == []


async def test_a_policy_without_reminders_reminds_nobody(talk: Talk) -> None:
    await talk.shop.adopt(files(remind=""))
    await talk.shop.submit("a", claims=LARGE)
    await talk.deliver()
    await talk.shop.let_pass_hours(9)

    assert await occasions(talk) == []


async def test_reminders_of_one_round_are_bounded(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminders, "DUE_MAX", 1)
    await talk.shop.submit("a", claims=LARGE)
    await talk.shop.submit("b", claims=LARGE, service="web")
    await talk.deliver()
    await talk.shop.let_pass(timedelta(hours=3))

    assert await occasions(talk) == [Occasion.REMINDED]
    assert await occasions(talk) == [Occasion.REMINDED]


async def test_a_channel_that_is_down_is_told_later(talk: Talk) -> None:
    await talk.shop.submit("a", claims=LARGE)

    async def down(notice: Notice) -> None:
        raise SourceUnavailable(notice.change)

    class Broken(Channel):
        say = staticmethod(down)

    await Talk(talk.shop, Broken()).deliver()
    await talk.shop.gate.store.write(
        lambda tx: tx.conn.execute(schema_work.outbox.update().values(next_at=FIRST)).rowcount
    )

    assert [one.occasion for one in await talk.deliver()] == [Occasion.ASKED]
