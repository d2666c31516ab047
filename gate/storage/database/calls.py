"""Calls on their way to a thread, and answers on their way back.

Waking a thread or an event loop is expensive, so many calls share one wake-up in each direction.
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
    """One call of a function in another thread, for which an event loop waits."""

    future: asyncio.Future[Any]
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    answer: Any = None
    error: Exception | None = None
    # The answer is on its way back, and must not be changed any more.
    delivered: bool = False
    # The function takes a list of arguments, and may answer several calls at once. It asks the
    # database, and returns a function that reads the answers.
    joint: bool = False
    asked_at: float = field(default_factory=time.monotonic)

    def part(self) -> None:
        """Have this call answered alone from now on, and not together with others."""
        function = self.function
        self.function, self.joint = lambda conn, asked: function(conn, [asked])()[0], False


def call(
    function: Callable[..., Any], arguments: tuple[Any, ...], named: Mapping[str, Any] | None = None
) -> Call:
    """Return a call for which the running event loop waits."""
    return Call(
        asyncio.get_running_loop().create_future(),
        partial(function, **named) if named else function,
        arguments,
    )


class Line:
    """The queue in which calls wait for threads.

    Calls of one turn of the event loop arrive together, and a thread is woken once for them,
    because waking a thread for each call costs as much as serving it. `together` is how many calls
    one thread serves at once.
    """

    def __init__(self, together: int) -> None:
        self._together = together
        self._turns: dict[asyncio.AbstractEventLoop, list[Call | None]] = {}
        self._arrived: deque[Call | None] = deque()
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()

    def __len__(self) -> int:
        """Return how many calls wait."""
        return len(self._arrived) + sum(map(len, self._turns.values()))

    def waiting_since(self) -> float | None:
        """Return when the call was asked for that is served next, or None. Any thread may ask."""
        try:
            first = self._arrived[0]
        except IndexError:
            return None
        return None if first is None else first.asked_at

    def put(self, call: Call) -> None:
        """Add a call. It arrives at the end of this turn of its event loop, with all others of it.

        To be called in that event loop.
        """
        loop = call.future.get_loop()
        turn = self._turns.get(loop)
        if turn is None:
            self._turns[loop] = [call]
            loop.call_soon(self._arrive, loop)
        else:
            turn.append(call)

    def end(self, threads: int = 1) -> None:
        """Have each of the threads end after the calls that wait. May be called from any thread."""
        self._ring([None] * threads, threads)

    def take(self, seconds: float | None = None) -> Call | None:
        """Return the next call, or None when the thread has to end.

        Raises `queue.Empty` if none arrives in so many seconds.
        """
        while True:
            try:
                return self._arrived.popleft()
            except IndexError:
                # The bell may have rung for a call that another thread took, so look again.
                self._bell.get(timeout=seconds)

    def take_at_once(self) -> Call | None:
        """Return the next call without waiting. Raises `queue.Empty` if there is none."""
        try:
            return self._arrived.popleft()
        except IndexError:
            raise queue.Empty from None

    def _arrive(self, loop: asyncio.AbstractEventLoop) -> None:
        turn = self._turns.pop(loop)
        # Rounded up: as many threads are woken as are needed to serve all calls of the turn.
        self._ring(turn, -(-len(turn) // self._together))

    def _ring(self, turn: list[Call | None], threads: int) -> None:
        self._arrived.extend(turn)
        for _ in range(threads):
            self._bell.put(None)


def deliver(calls: Iterable[Call]) -> None:
    """Hand every answer to the event loop that waits for it, with one wake-up for each loop."""
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
        # The task that waited has been cancelled.
        if one.future.done():
            continue
        if one.error is None:
            one.future.set_result(one.answer)
        else:
            one.future.set_exception(one.error)
