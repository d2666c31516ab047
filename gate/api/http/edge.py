"""The outermost layer of HTTP: the id of a request, the limit of its body, the headers of every
answer, the last catch of errors.
"""

import asyncio
import contextlib
import re
import time

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

from gate.api.http.body import ARRIVED, BODY_SECONDS_MAX, bytes_max, within_limit
from gate.api.http.permits import CALLER
from gate.api.http.refused import keep_refusal
from gate.api.problems import is_planned, problem_name, problem_of
from gate.errors import TooLarge, Unavailable
from gate.metrics import Metrics
from gate.storage.database.randomness import random_bytes
from gate.tracing import Span, named, request_span, trace_id

REQUEST_ID = "gate.request_id"
DRAIN_BYTES_MAX = 8 * 1024 * 1024
"""How much of a body that is too large is read and dropped, because a caller that is still sending
does not read the refusal."""

_GIVEN_ID = re.compile(rb"[A-Za-z0-9-]{1,64}")
_ID_BYTES = 10

_READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_FAILED = 500

log = structlog.get_logger("gate.api")


class Edge:
    """The layer around the routes. Nothing below it needs to catch an error or to set common
    headers.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, from its headers to the end of its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with request_span(scope["headers"]) as span:
            await self._serve(scope, _Exchange(scope, receive, send), span)

    async def _serve(self, scope: Scope, exchange: "_Exchange", span: Span) -> None:
        started = time.perf_counter()
        failed: Exception | None = None
        try:
            exchange.refuse_announced()
            await self._app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            # The status that proxies log for a caller who went away.
            exchange.status = 499
        except Exception as error:  # noqa: BLE001 - the last catch: the caller gets an id, the log the cause
            failed = error
            self._metrics.refused(await exchange.fail(error))
        finally:
            seconds = time.perf_counter() - started
            self._metrics.answered(exchange.template, exchange.status, seconds)
            exchange.describe(span)
            if exchange.is_logged:
                exchange.log(seconds, failed)
        if failed is not None:
            await keep_refusal(scope, failed)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._started = False
        self._announced: int | None = None
        self._taken = 0
        self._expects = False
        self._bytes_max = bytes_max(scope["path"])
        self.status = 0
        given = b""
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit():
                self._announced = int(value)
            elif name == b"x-request-id":
                given = value
            elif name == b"expect":
                self._expects = True
        self.request_id = (
            given.decode() if _GIVEN_ID.fullmatch(given) else random_bytes()[:_ID_BYTES].hex()
        )
        scope[REQUEST_ID] = self.request_id
        _log_with(self.request_id)
        # The server enforces a length that was announced; a body without one is counted here.
        self.receive = receive if self._announced is not None else self._counted

    @property
    def template(self) -> str:
        """The route's path, with names in place of values."""
        return getattr(self._scope.get("route"), "path_format", "none")

    @property
    def is_logged(self) -> bool:
        """Whether the answer has a line in the log. A request that only reads has none, unless it
        failed by a fault of the gate.
        """
        return self._scope["method"] not in _READ_METHODS or self.status >= _FAILED

    def describe(self, span: Span) -> None:
        """Set the request and its result on the span."""
        method = self._scope["method"]
        named(span, f"{method} {self.template}")
        span.set_attribute("http.request.method", method)
        span.set_attribute("http.route", self.template)
        span.set_attribute("http.response.status_code", self.status)
        span.set_attribute("gate.request", self.request_id)

    def log(self, seconds: float, failed: Exception | None) -> None:
        """Log the answer; the ids of the request and of its change are bound already.

        An address is logged as its route, because a caller may have put a secret into it.
        """
        known = {
            "by": self._scope.get(CALLER),
            "problem": None if failed is None else problem_name(failed),
        }
        log.info(
            "answered",
            method=self._scope["method"],
            route=self.template,
            status=self.status,
            seconds=round(seconds, 6),
            **{name: value for name, value in known.items() if value is not None},
        )

    def refuse_announced(self) -> None:
        """Raise `TooLarge` for an announced length over the limit, before any work is done."""
        if self._announced is not None and self._announced > self._bytes_max:
            raise TooLarge(
                f"The body has {self._announced} bytes; at most {self._bytes_max} are taken."
            )

    async def _counted(self) -> Message:
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        within_limit(self._taken, self._bytes_max)
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer, with the headers of every answer; to HEAD without a body."""
        if message["type"] == "http.response.start":
            self._started = True
            self.status = message["status"]
            headers = [
                *message.get("headers", ()),
                (b"x-content-type-options", b"nosniff"),
                (b"x-request-id", self.request_id.encode()),
            ]
            if b"cache-control" not in dict(headers):
                headers.append((b"cache-control", b"no-store"))
            message = {**message, "headers": headers}
        elif self._scope["method"] == "HEAD":
            message = {**message, "body": b""}
        await self._send(message)

    async def fail(self, error: Exception) -> str:
        """Answer with the problem of an error, and return the problem's name.

        An answer that has begun is left unfinished, which a caller notices.
        """
        if not is_planned(error):
            log.error(
                "request failed", request=self.request_id, route=self.template, exc_info=error
            )
        elif isinstance(error, Unavailable) and error.place:
            log.warning(
                "an answer leaves out where", request=self.request_id, error=error.for_operators
            )
        name = problem_name(error)
        if self._started:
            return name
        answer = problem_of(error, self.request_id)
        if isinstance(error, TooLarge):
            answer.raw_headers.append((b"connection", b"close"))
            await self._drain()
        await answer(self._scope, self._receive, self.send)
        return name

    async def _drain(self) -> None:
        """Read what the caller is still sending, within limits.

        A body that has arrived is not read, because nothing comes after its end, and waiting for
        that would not end either.
        """
        if self._expects or (self._announced or 0) > DRAIN_BYTES_MAX or ARRIVED in self._scope:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BODY_SECONDS_MAX):
                while self._taken <= DRAIN_BYTES_MAX:
                    message = await self._receive()
                    self._taken += len(message.get("body", b""))
                    if not message.get("more_body"):
                        return


def _log_with(request_id: str) -> None:
    """Have every line that is logged from here on carry the ids of this request.

    What an earlier request of the connection has bound is forgotten: its task may have begun ours.
    """
    clear_contextvars()
    bind_contextvars(request=request_id)
    trace = trace_id()
    if trace is not None:
        bind_contextvars(trace=trace)
