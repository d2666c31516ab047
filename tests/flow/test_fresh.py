"""Many who ask at once cost one look-up, and nobody hears what was read before something was
written.
"""

import asyncio

import pytest

from gate.flow.fresh import Fresh

pytestmark = pytest.mark.anyio


class Source:
    """Answers when it is told to; each answer says which look-up it was."""

    def __init__(self) -> None:
        self.asked: list[asyncio.Future[str]] = []

    async def read(self, _: str) -> str | None:
        """The next look-up."""
        self.asked.append(asyncio.get_running_loop().create_future())
        return await self.asked[-1]


def asking(fresh: Fresh[str]) -> "asyncio.Task[str | None]":
    """Somebody who waits."""
    return asyncio.create_task(fresh.find("key"))


async def everybody_waits() -> None:
    """Until nothing more happens by itself: an asker begins, then its look-up does."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_who_asks_after_a_change_does_not_get_what_was_asked_before_it() -> None:
    source = Source()
    fresh = Fresh(source.read, lambda: 0.0)
    early = asking(fresh)
    await everybody_waits()

    fresh.forget()
    late = asking(fresh)
    await everybody_waits()
    source.asked[1].set_result("after")
    source.asked[0].set_result("before")

    assert (await early, await late) == ("before", "after")
    assert await fresh.find("key") == "after"


async def test_all_who_ask_at_once_share_one_look_up() -> None:
    source = Source()
    fresh = Fresh(source.read, lambda: 0.0)
    waiting = [asking(fresh) for _ in range(3)]
    await everybody_waits()

    source.asked[0].set_result("one")

    assert await asyncio.gather(*waiting) == ["one"] * 3
    assert len(source.asked) == 1


async def test_one_who_goes_away_takes_nobody_along() -> None:
    source = Source()
    fresh = Fresh(source.read, lambda: 0.0)
    first, second = asking(fresh), asking(fresh)
    await everybody_waits()

    first.cancel()
    await everybody_waits()
    source.asked[0].set_result("one")

    assert await second == "one"
    assert first.cancelled()


async def test_a_look_up_that_fails_is_made_again() -> None:
    source = Source()
    fresh = Fresh(source.read, lambda: 0.0)
    unlucky = asking(fresh)
    await everybody_waits()
    source.asked[0].set_exception(OSError("no answer"))
    with pytest.raises(OSError, match="no answer"):
        await unlucky

    lucky = asking(fresh)
    await everybody_waits()
    source.asked[1].set_result("one")

    assert await lucky == "one"
