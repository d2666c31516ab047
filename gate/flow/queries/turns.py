"""Questions that take seconds of a processor: one at a time, few that wait, one of each person.

A server has few threads for slow reads. Without a limit one person who asks a hundred times at once
keeps everybody from the log, the reports and the proofs for minutes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from gate.errors import RateLimited, Unavailable
from gate.flow.caller import Caller

BACKTESTS_AT_ONCE_MAX = 1
"""Fewer than there are threads for slow reads, so that one of them is left for all other
readers."""

BACKTESTS_WAITING_MAX = 8
"""Those of everybody, with the one that runs."""

BUSY_SECONDS = 10

T = TypeVar("T")


class Turns:
    """One a process and kind of question."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(BACKTESTS_AT_ONCE_MAX)
        self._asked: dict[str, asyncio.Task[Any]] = {}

    async def take(self, by: Caller, question: Callable[[], Awaitable[T]]) -> T:
        """Answer the question when its turn comes.

        Raises `RateLimited` while this person, by whatever token, has another one open, and
        `Unavailable` where too many wait.

        The place is given back when the question is answered, not when the caller hangs up, because
        the thread that reads goes on: asking and hanging up would open any number of them.
        """
        who = by.root
        if who in self._asked:
            raise RateLimited("a backtest of yours is open already; ask again when it is answered")
        if len(self._asked) >= BACKTESTS_WAITING_MAX:
            raise Unavailable(
                f"{BACKTESTS_WAITING_MAX} backtests are open already; ask again later",
                retry_after_seconds=BUSY_SECONDS,
            )
        work = asyncio.ensure_future(self._in_turn(question))
        self._asked[who] = work
        work.add_done_callback(lambda _: self._asked.pop(who))
        return await asyncio.shield(work)

    async def _in_turn(self, question: Callable[[], Awaitable[T]]) -> T:
        async with self._places:
            return await question()
