"""Calls arrive with the rest of their turn, in their order, each at one thread."""

import asyncio
import queue
import threading
from collections.abc import Callable

import pytest

from gate.storage.database.calls import Call, Line, call

pytestmark = pytest.mark.anyio


def nothing() -> None:
    """What the calls of these tests ask for."""


async def put_some(line: Line, count: int) -> list[Call]:
    calls = [call(nothing, (number,)) for number in range(count)]
    for one in calls:
        line.put(one)
    return calls


def taken(take: Callable[[], Call | None], count: int) -> list[Call | None]:
    return [take() for _ in range(count)]


async def test_what_was_put_arrives_at_the_end_of_the_turn_and_counts_before() -> None:
    line = Line(together=8)
    calls = await put_some(line, 3)

    with pytest.raises(queue.Empty):
        line.take_at_once()
    assert len(line) == 3

    await asyncio.sleep(0)
    assert taken(line.take, 3) == calls
    assert len(line) == 0
    with pytest.raises(queue.Empty):
        line.take(seconds=0)


async def test_the_last_word_comes_after_what_was_there() -> None:
    line = Line(together=8)
    calls = await put_some(line, 2)
    await asyncio.sleep(0)
    line.end(threads=2)

    assert taken(line.take, 4) == [*calls, None, None]


@pytest.mark.parametrize("together", [1, 3, 100])
async def test_every_call_reaches_one_of_the_threads(together: int) -> None:
    line = Line(together)
    seen: queue.SimpleQueue[Call] = queue.SimpleQueue()

    def serve() -> None:
        while (one := line.take()) is not None:
            seen.put(one)

    threads = [threading.Thread(target=serve) for _ in range(2)]
    for thread in threads:
        thread.start()
    calls = []
    for count in (1, 5, 2, 40):
        calls += await put_some(line, count)
        await asyncio.sleep(0)
    line.end(len(threads))
    for thread in threads:
        thread.join()

    arrived = [seen.get_nowait() for _ in range(seen.qsize())]
    assert sorted(one.arguments for one in arrived) == sorted(one.arguments for one in calls)
    assert {id(one) for one in arrived} == {id(one) for one in calls}


async def test_several_threads_are_woken_where_each_serves_one() -> None:
    line = Line(together=1)
    meet = threading.Barrier(2, timeout=10)
    threads = [threading.Thread(target=lambda: (line.take(), meet.wait())) for _ in range(2)]
    for thread in threads:
        thread.start()

    await put_some(line, 2)
    await asyncio.sleep(0)

    for thread in threads:
        thread.join()
    assert not meet.broken
