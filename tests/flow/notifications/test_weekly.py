"""The chat gets the pack of a week once: whichever replica looks first, and after a time without
any.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from gate.app import weekly_pack
from gate.config import Settings
from gate.core.change import Result
from gate.core.learning.weeks import Week, WeeklyTime, week_of
from gate.errors import SourceUnavailable
from gate.flow.notifications import chat
from gate.flow.notifications.notify import Post
from gate.flow.notifications.weekly import EVERY_SECONDS, TARGET, post_due
from gate.storage.database.tx import Tx
from gate.storage.messages import dead_letters
from gate.storage.tables.schema_work import outbox
from tests.flow.notifications.test_chat import Channel
from tests.flow.shop import Shop, open_shop

pytestmark = pytest.mark.anyio

DAY, WEEK = timedelta(days=1), timedelta(days=7)
MONDAY_MORNING = WeeklyTime(0, 9, 0)


@dataclass(slots=True)
class Weekly:
    """A gate whose clock stands where the test puts it, and a channel."""

    shop: Shop
    channel: Channel
    week: Week

    def is_now(self, days: int, hour: int, weeks: int = 0) -> None:
        """Put the clock on a day of this week, or of a later one, in UTC."""
        at = self.week.begins(UTC) + weeks * WEEK + days * DAY + timedelta(hours=hour)
        self.shop.hands.ahead = at - datetime.now(UTC)

    async def look(self, *, replicas: int = 1) -> list[str]:
        """So many replicas look at once, and then deliver; the titles that the channel got."""
        gate = self.shop.gate
        await asyncio.gather(*(post_due(gate, MONDAY_MORNING) for _ in range(replicas)))
        return await self.deliver()

    async def deliver(self) -> list[str]:
        """Whatever waits in the outbox."""
        begins = len(self.channel.digests)
        # The outbox goes by the database's clock, which no test moves.
        ahead, self.shop.hands.ahead = self.shop.hands.ahead, timedelta(0)
        post = Post(self.shop.gate, {"slack": chat.delivering(self.shop.gate, self.channel)})
        await post.turn()
        self.shop.hands.ahead = ahead
        await post.settled()
        return [one.title for one in self.channel.digests[begins:]]


@pytest.fixture
async def weekly(database_url: str, tmp_path: Path) -> AsyncIterator[Weekly]:
    async with open_shop(database_url, tmp_path) as shop:
        yield Weekly(shop, Channel(), week_of(datetime.now(UTC), UTC))


def make_due(tx: Tx) -> None:
    """As if the pause after a failure were over."""
    tx.conn.execute(update(outbox).values(next_at=tx.now))


async def test_a_week_is_posted_once_when_its_time_has_come(weekly: Weekly) -> None:
    last, before = weekly.week.before, weekly.week.before.before
    weekly.is_now(0, 8)
    assert await weekly.look() == [f"Week {before.name}"]

    weekly.is_now(0, 9)

    assert await weekly.look(replicas=5) == [f"Week {last.name}"]
    for days, hour in ((0, 9), (3, 12), (6, 23)):
        weekly.is_now(days, hour)
        assert await weekly.look(replicas=2) == []
    weekly.is_now(0, 9, weeks=1)
    assert await weekly.look() == [f"Week {weekly.week.name}"]


async def test_after_a_time_without_a_replica_the_last_week_is_posted_and_no_other(
    weekly: Weekly,
) -> None:
    weekly.is_now(1, 0)
    assert len(await weekly.look()) == 1

    weekly.is_now(2, 7, weeks=4)

    assert await weekly.look(replicas=3) == [
        f"Week {week_of(weekly.week.begins(UTC) + 3 * WEEK, UTC).name}"
    ]


async def test_a_channel_that_does_not_answer_gets_it_later_and_the_same(weekly: Weekly) -> None:
    await weekly.shop.deploy("a", Result.UNSUCCESSFUL)
    weekly.is_now(1, 0, weeks=1)
    weekly.channel.fails = SourceUnavailable("no answer")
    assert await weekly.look() == []

    (waiting,) = await weekly.shop.gate.store.read(dead_letters.health)
    assert (waiting.target, waiting.waiting) == (TARGET, 1)
    weekly.channel.fails = None
    await weekly.shop.gate.store.write(make_due)

    assert await weekly.deliver() == [f"Week {weekly.week.name}"]
    assert "What failed, and why: 1 change" in {
        one.heading for one in weekly.channel.digests[0].sections
    }


@pytest.mark.parametrize(
    ("setting", "connected", "chores"),
    [("", True, 0), ("mon 09:00", False, 0), ("mon 09:00", True, 1)],
)
async def test_it_is_off_unless_a_time_and_a_channel_are_configured(
    weekly: Weekly, setting: str, *, connected: bool, chores: int
) -> None:
    gate = replace(weekly.shop.gate, chat=weekly.channel if connected else None)
    found = weekly_pack(Settings.read({}, slack_weekly=setting), gate)

    assert [(one.name, one.every_seconds) for one in found] == [
        ("weekly pack", EVERY_SECONDS)
    ] * chores
