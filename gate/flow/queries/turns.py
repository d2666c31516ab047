"""Turns for questions that take seconds of a processor: backtests and reports on an observing gate,
which replay what was imported, and checks of policies. One of a kind runs at a time, and few wait.

A server has few threads for slow reads. Without a limit, one person who asks a hundred times at
once would keep the log, the reports and the proofs from everybody for minutes.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from gate.errors import RateLimited, Unavailable
from gate.flow.caller import Caller

AT_ONCE_MAX = 1
"""Questions that run at once: fewer than the threads for slow reads, so that other readers keep
one."""

OPEN_MAX = 12
"""The most open questions of all callers together, including the one that runs."""

OPEN_OF_ONE_MAX = 3
"""The most open questions of one person over all of that person's tokens and pages."""

BUSY_SECONDS = 10

T = TypeVar("T")


class Turns:
    """The queue of slow questions of one kind. Each process has one for each kind."""

    def __init__(self, questions: str = "backtests and reports") -> None:
        self._questions = questions
        self._places = asyncio.Semaphore(AT_ONCE_MAX)
        self._open: set[asyncio.Task[Any]] = set()
        self._of: Counter[str] = Counter()

    async def take(self, by: Caller, question: Callable[[], Awaitable[T]]) -> T:
        """Return the answer to the question, which runs when its turn comes.

        Raises `RateLimited` over the limit of this person, and `Unavailable` over that of all. The
        place is given back when the question is answered, not when the caller hangs up, because the
        thread that reads goes on: asking and hanging up would open any number of them.
        """
        who = by.root
        if self._of[who] >= OPEN_OF_ONE_MAX:
            raise RateLimited(
                f"{OPEN_OF_ONE_MAX} {self._questions} of yours are open already; ask again "
                "when one is answered"
            )
        if len(self._open) >= OPEN_MAX:
            raise Unavailable(
                f"{OPEN_MAX} {self._questions} are open already; ask again later",
                retry_after_seconds=BUSY_SECONDS,
            )
        work = asyncio.ensure_future(self._in_turn(question))
        self._open.add(work)
        self._of[who] += 1

        def give_back(done: asyncio.Task[T]) -> None:
            self._open.discard(done)
            self._of[who] -= 1
            if not self._of[who]:
                del self._of[who]

        work.add_done_callback(give_back)
        return await asyncio.shield(work)

    async def _in_turn(self, question: Callable[[], Awaitable[T]]) -> T:
        async with self._places:
            return await question()
