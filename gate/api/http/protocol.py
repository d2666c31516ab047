"""HTTP/1.1 under time limits: uvicorn waits for ever for the rest of a head, and for a body that
nobody reads.
"""

import asyncio
from enum import Enum, auto

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gate.api.http.body import ARRIVED, BODY_SECONDS_MAX

HEAD_SECONDS_MAX = 10
HEAD_BYTES_MAX = 64 * 1024
# Whoever reads the body answers first.
_BODY_GRACE_SECONDS = 5


class _Phase(Enum):
    IDLE = auto()
    HEAD = auto()
    BODY = auto()


SECONDS = {_Phase.HEAD: HEAD_SECONDS_MAX, _Phase.BODY: BODY_SECONDS_MAX + _BODY_GRACE_SECONDS}


class GateProtocol(HttpToolsProtocol):
    """A request that arrives in one piece, as nearly all do, touches no timer.

    For `uvicorn.Config(http=…)`.
    """

    _phase = _Phase.HEAD
    _timed: _Phase | None = None
    _timer: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        """Whoever connects has to speak."""
        super().connection_made(transport)
        self._time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to wait for."""
        self._phase = _Phase.IDLE
        self._time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parses, then looks where the request stands."""
        super().data_received(data)
        self._head_bytes = self._head_bytes + len(data) if self._phase is _Phase.HEAD else 0
        if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response(f"The head of the request has more than {HEAD_BYTES_MAX} bytes.")
        self._time()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._phase = _Phase.HEAD
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A body may follow."""
        self._phase = _Phase.BODY
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The whole request is here."""
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
