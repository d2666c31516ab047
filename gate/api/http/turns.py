"""Requests for a decision wait for a turn when many come at once; all others are served between
them.

A thousand pipelines may ask in one moment, and deciding for all of them takes seconds. A deployment
that was approved long ago does not wait for that: its admission, like every other request, needs no
turn. Nobody waits without end: above the limits the answer is 503 with `Retry-After`, and the
client asks again.
"""

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from gate.api.http.body import ARRIVED
from gate.errors import Unavailable

ASKING = frozenset({"/v1/changes", "/v1/evaluations"})
AT_ONCE_MAX = 128
"""Enough to fill every group of the writer and both readers. An admission takes about ten steps.
Before each of them every request for a decision may take a step of its own, of less than a
millisecond."""

WAITING_MAX = 5_000
WAITING_SECONDS_MAX = 8
RETRY_AFTER_SECONDS = 2


class Turns:
    """The layer that makes requests for a decision wait for their turn."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._places = asyncio.Semaphore(AT_ONCE_MAX)
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, after its turn has come if it asks for a decision.

        A request whose body is still arriving takes no place, because a slow sender would keep that
        place from others.
        """
        is_asking = scope["type"] == "http" and scope["path"] in ASKING
        if not is_asking or scope["method"] != "POST" or ARRIVED not in scope:
            await self._app(scope, receive, send)
            return
        await self._take()
        try:
            await self._app(scope, receive, send)
        finally:
            self._places.release()

    async def _take(self) -> None:
        """Wait for a place, first come, first served. Raises `Unavailable`."""
        if not self._places.locked():
            await self._places.acquire()
            return
        if self._waiting >= WAITING_MAX:
            raise _busy(f"{WAITING_MAX} requests wait for a decision already")
        self._waiting += 1
        try:
            async with asyncio.timeout(WAITING_SECONDS_MAX):
                await self._places.acquire()
        except TimeoutError:
            raise _busy(f"no decision could begin within {WAITING_SECONDS_MAX} s") from None
        finally:
            self._waiting -= 1


def _busy(because: str) -> Unavailable:
    return Unavailable(
        f"{because}; nothing was recorded, ask again", retry_after_seconds=RETRY_AFTER_SECONDS
    )
