"""Who listens hears what moves, within limits, and nobody holds up a stop."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gate.errors import RateLimited, Unavailable
from gate.flow import streams
from gate.flow.caller import Role
from gate.flow.commands import TokenCommand
from gate.flow.identity import tokens
from gate.flow.streams import STREAMS_OF_ONE_MAX, TOPICS_MAX, Streams
from gate.storage.database.watch import EVERYTHING, Topics
from tests.flow.shop import ADA, ADMIN, AUDITOR, Shop, as_json

pytestmark = pytest.mark.anyio


async def heard(messages: AsyncIterator[Topics]) -> Topics:
    """The next message."""
    async with asyncio.timeout(5):
        return await anext(messages)


async def let_in() -> bool:
    """Whoever listens has lost nothing."""
    return True


async def shut_out() -> bool:
    """Whoever listens is not let in any more."""
    return False


async def test_a_new_change_is_told_by_its_id(shop: Shop) -> None:
    with Streams(shop.gate.store).listening(ADA, let_in) as stream:
        change = await shop.submit("a", claims={"diff.lines_added": 220})

        assert change["id"] in await heard(stream.messages())


async def test_a_change_that_passes_by_itself_is_told_as_decided(shop: Shop) -> None:
    with Streams(shop.gate.store).listening(ADA, let_in) as stream:
        change = await shop.submit("a")

        found = await heard(stream.messages())

    assert "decided" in found
    assert change["id"] not in found


async def test_what_moves_in_between_is_told_together_and_very_much_as_everything(
    shop: Shop,
) -> None:
    with Streams(shop.gate.store).listening(ADA, let_in) as stream:
        stream.put(frozenset({"chg_1"}))
        stream.put(frozenset({"freezes"}))
        messages = stream.messages()
        assert await heard(messages) == {"chg_1", "freezes"}

        stream.put(frozenset(f"chg_{number}" for number in range(TOPICS_MAX + 1)))
        assert await heard(messages) == EVERYTHING


async def test_a_quiet_stream_beats(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.001)
    with Streams(shop.gate.store).listening(ADA, let_in) as stream:
        assert await heard(stream.messages()) == frozenset()


async def test_a_stream_ends_after_its_time_so_that_whoever_listens_shows_again_who_they_are(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LIFE_SECONDS", 0.0)
    with Streams(shop.gate.store).listening(ADA, let_in) as stream:
        assert [one async for one in stream.messages()] == []


async def test_who_is_shut_out_hears_nothing_more_and_everybody_else_goes_on(shop: Shop) -> None:
    listening = Streams(shop.gate.store)
    with listening.listening(ADA, shut_out) as gone, listening.listening(AUDITOR, let_in) as other:
        created = as_json(await tokens.create(shop.gate, TokenCommand(Role.AUDITOR), ADMIN))
        await tokens.revoke(shop.gate, created["id"], ADMIN)

        async with asyncio.timeout(5):
            assert [found async for found in gone.messages()] == []
        assert "tokens" in await heard(other.messages())
        assert not other.ended


async def test_nobody_listens_without_end_and_those_who_left_are_forgotten(shop: Shop) -> None:
    listening = Streams(shop.gate.store)
    opened = [listening.listening(ADA, let_in) for _ in range(STREAMS_OF_ONE_MAX)]
    for one in opened:
        one.__enter__()
    with pytest.raises(RateLimited):
        listening.require_capacity(ADA)
    listening.require_capacity(AUDITOR)
    for one in opened:
        one.__exit__(None, None, None)

    listening.require_capacity(ADA)
    assert listening.count == 0


async def test_a_stop_ends_every_stream_and_opens_no_other(shop: Shop) -> None:
    listening = Streams(shop.gate.store)
    with listening.listening(ADA, let_in) as stream:
        waiting = asyncio.ensure_future(anext(stream.messages(), None))
        await asyncio.sleep(0)
        listening.close()
        async with asyncio.timeout(5):
            assert await waiting is None
    with pytest.raises(Unavailable):
        listening.require_capacity(ADA)
