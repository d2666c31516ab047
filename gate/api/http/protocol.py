"""HTTP/1.1 under time limits. uvicorn itself waits for ever for the rest of a head, and for a body
that nobody reads.
"""

import asyncio
from enum import Enum, auto

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gate.api.http.body import ARRIVED, BODY_SECONDS_MAX

HEAD_SECONDS_MAX = 10
HEAD_BYTES_MAX = 64 * 1024
# A little longer than the limit of `read_body`, so that a slow caller gets its answer 408 before
# the connection is closed.
_BODY_GRACE_SECONDS = 5


class _Phase(Enum):
    IDLE = auto()
    HEAD = auto()
    BODY = auto()


SECONDS = {_Phase.HEAD: HEAD_SECONDS_MAX, _Phase.BODY: BODY_SECONDS_MAX + _BODY_GRACE_SECONDS}


class GateProtocol(HttpToolsProtocol):
    """The protocol with timers, for `uvicorn.Config(http=…)`.

    A request that arrives in one piece, as nearly all do, touches no timer.
    """

    _phase = _Phase.HEAD
    _timed: _Phase | None = None
    _timer: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        """Begin the timer of a head, because a client that connects has to send one."""
        super().connection_made(transport)
        self._time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._phase = _Phase.IDLE
        self._time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, then check the length of the head and set the timer."""
        super().data_received(data)
        self._head_bytes = self._head_bytes + len(data) if self._phase is _Phase.HEAD else 0
        if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response(f"The head of the request has more than {HEAD_BYTES_MAX} bytes.")
        self._time()

    def on_message_begin(self) -> None:
        """Note that a head begins."""
        self._phase = _Phase.HEAD
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that the head has ended and a body may follow."""
        self._phase = _Phase.BODY
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the whole request is here."""
        self._phase = _Phase.IDLE
        self.scope[ARRIVED] = True  # type: ignore[literal-required]  # a key of ours beside those of ASGI
        super().on_message_complete()

    def _time(self) -> None:
        if self._phase is self._timed:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timed = self._phase
        if self._phase in SECONDS:
            self._timer = self.loop.call_later(SECONDS[self._phase], self._too_slow)

    def _too_slow(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
