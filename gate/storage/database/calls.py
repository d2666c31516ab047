"""Calls on their way to a thread, and answers on their way back: one wake-up for many, there and
back.
"""

import asyncio
import queue
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any


@dataclass(slots=True)
class Call:
    """Somebody who waits in an event loop."""

    future: asyncio.Future[Any]
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    answer: Any = None
    error: Exception | None = None
    # The answer is on its way, and must not be changed any more.
    delivered: bool = False
    # The function takes a list of arguments, and may answer several calls at once.
    joint: bool = False
    asked_at: float = field(default_factory=time.monotonic)

    def part(self) -> None:
        """Not with others any more."""
        function = self.function
        self.function, self.joint = lambda conn, asked: function(conn, [asked])[0], False


def call(
    function: Callable[..., Any], arguments: tuple[Any, ...], named: Mapping[str, Any] | None = None
) -> Call:
    """A call of the running event loop."""
    return Call(
        asyncio.get_running_loop().create_future(),
        partial(function, **named) if named else function,
        arguments,
    )


class Line:
    """Where calls wait for threads.

    Those of one turn of the event loop arrive together, and a thread is woken once for them.

    Waking a thread for each call costs as much as serving it. `together` is how many calls one
    thread serves at once.
    """

    def __init__(self, together: int) -> None:
        self._together = together
        self._turns: dict[asyncio.AbstractEventLoop, list[Call | None]] = {}
        self._arrived: deque[Call | None] = deque()
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._arrived) + sum(map(len, self._turns.values()))

    def put(self, call: Call) -> None:
        """In the call's event loop; it arrives at the end of this turn."""
        loop = call.future.get_loop()
        turn = self._turns.get(loop)
        if turn is None:
            self._turns[loop] = [call]
            loop.call_soon(self._arrive, loop)
        else:
            turn.append(call)

    def end(self, threads: int = 1) -> None:
        """The last word to each of them; from any thread."""
        self._ring([None] * threads, threads)

    def take(self, seconds: float | None = None) -> Call | None:
        """The next call, or None when it is time to end.

        Raises `queue.Empty` when there is none for so long.
        """
        while True:
            try:
                return self._arrived.popleft()
            except IndexError:
                # May have rung for what another thread has taken.
                self._bell.get(timeout=seconds)

    def take_at_once(self) -> Call | None:
        """Take the calls that are there, without waiting for one."""
        try:
            return self._arrived.popleft()
        except IndexError:
            raise queue.Empty from None

    def _arrive(self, loop: asyncio.AbstractEventLoop) -> None:
        turn = self._turns.pop(loop)
        self._ring(turn, -(-len(turn) // self._together))

    def _ring(self, turn: list[Call | None], threads: int) -> None:
        self._arrived.extend(turn)
        for _ in range(threads):
            self._bell.put(None)


def deliver(calls: Iterable[Call]) -> None:
    """Hand every answer to whoever waits for it."""
    loops: dict[asyncio.AbstractEventLoop, list[Call]] = {}
    for one in calls:
        one.delivered = True
        loops.setdefault(one.future.get_loop(), []).append(one)
    for loop, answered in loops.items():
        post(loop, _settle, answered)


def post(
    loop: asyncio.AbstractEventLoop, function: Callable[..., None], *arguments: object
) -> None:
    """Call a function in an event loop, unless that is over already."""
    try:
        loop.call_soon_threadsafe(function, *arguments)
    except RuntimeError:
        if not loop.is_closed():
            raise


def _settle(calls: list[Call]) -> None:
    for one in calls:
        # Whoever waited has been cancelled.
        if one.future.done():
            continue
        if one.error is None:
            one.future.set_result(one.answer)
        else:
            one.future.set_exception(one.error)
