"""A lean HTTP/1.1 load generator, a process of its own: cheap enough that the server is the
bottleneck.

Reads a `Plan` as JSON on standard input and writes a `Burst` as JSON on standard output. Every
connection sends one request, waits for the whole answer, and sends the next. Answers must carry
`content-length`.
"""

import asyncio
import json
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import cast

import uvloop

PLACE = b"@@NUMBER@@"
"""Wherever it stands in a request, twelve digits take its place, others in every request."""

DIGITS = b"%012d"
DRAIN_SECONDS = 10
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)\r\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Plan:
    """One burst: the same requests in turn, with changing numbers."""

    port: int
    path: str
    headers: dict[str, str]
    bodies: list[str]
    connections: int
    seconds: float
    first_number: int = 0
    warm_up_seconds: float = 0.5
    host: str = "127.0.0.1"
    # How many requests a second all connections send together; 0 for as many as are answered.
    per_second: float = 0.0

    def requests(self) -> list[bytes]:
        """The bytes of each request, ready for `%` with a number for each place."""
        return [self._request(body.encode()) for body in self.bodies]

    def _request(self, body: bytes) -> bytes:
        length = len(body) + body.count(PLACE) * (len(DIGITS % 0) - len(PLACE))
        lines = [
            f"POST {self.path} HTTP/1.1",
            f"host: {self.host}:{self.port}",
            "content-type: application/json",
            f"content-length: {length}",
        ]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        head = "\r\n".join(lines).encode()
        return (head + b"\r\n\r\n" + body).replace(b"%", b"%%").replace(PLACE, DIGITS)


@dataclass(slots=True)
class Burst:
    """What was seen after the warm-up. `next_number` is the first that was not used."""

    seconds: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    next_number: int = 0
    sample: str = ""

    @property
    def per_second(self) -> float:
        """Answers in a second."""
        return sum(self.statuses.values()) / self.seconds


def run(plan: Plan) -> Burst:
    """One burst, in a process of its own; RuntimeError when the answers are not what was asked
    for.
    """
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(asdict(plan)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the load generator failed:\n{done.stderr}")
    burst = Burst(**json.loads(done.stdout))
    refused = {
        status: number for status, number in burst.statuses.items() if not status.startswith("2")
    }
    if refused or not burst.statuses:
        raise RuntimeError(
            f"{plan.path} answered {burst.statuses}, only 2xx counts; the first other "
            f"answer:\n{burst.sample}"
        )
    return burst


class _Meter:
    """What all connections count together."""

    def __init__(self, plan: Plan) -> None:
        self.requests = plan.requests()
        self.places = [request.count(DIGITS) for request in self.requests]
        self.numbers = count(plan.first_number)
        self.begins = time.perf_counter() + plan.warm_up_seconds
        self.ends = self.begins + plan.seconds
        self.statuses: Counter[bytes] = Counter()
        self.spent: list[float] = []
        self.sample = b""
        begins = time.perf_counter()
        self.slots = (
            (begins + turn / plan.per_second for turn in count()) if plan.per_second else None
        )

    def next_request(self) -> bytes:
        number = next(self.numbers)
        turn = number % len(self.requests)
        return self.requests[turn] % ((number,) * self.places[turn])

    def seen(self, answer: bytes, sent: float, now: float) -> None:
        status = answer[9:12]
        if status[:1] != b"2" and not self.sample:
            self.sample = answer[:2000]
        if self.begins <= now < self.ends:
            self.statuses[status] += 1
            self.spent.append(now - sent)


class _Connection(asyncio.Protocol):
    """One request at a time over one connection."""

    def __init__(self, meter: _Meter, closed: "asyncio.Future[None]") -> None:
        self.meter = meter
        self.closed = closed
        self.answer = b""
        self.whole = 0
        self.sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self.answer = self.answer + data if self.answer else data
        if not self.whole:
            head = self.answer.find(b"\r\n\r\n")
            if head < 0:
                return
            length = _LENGTH.search(self.answer, 0, head + 2)
            if length is None:
                raise RuntimeError(f"an answer without content-length: {self.answer[: head + 4]!r}")
            self.whole = head + 4 + int(length[1])
        if len(self.answer) >= self.whole:
            self._answered()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_exception(exc or ConnectionError("the server closed a connection"))

    def _answered(self) -> None:
        now = time.perf_counter()
        self.meter.seen(self.answer, self.sent, now)
        if now < self.meter.ends:
            self._send()
        else:
            self.closed.set_result(None)
            self.transport.close()

    def _send(self) -> None:
        """Send the next request: at once, or when its time has come.

        A request that is late because the one before was not answered has waited since its time:
        so long would a user have waited, who does not know of the others.
        """
        self.answer, self.whole = b"", 0
        now = time.perf_counter()
        self.sent = now if self.meter.slots is None else next(self.meter.slots)
        if self.sent <= now:
            self._write()
        else:
            asyncio.get_running_loop().call_later(self.sent - now, self._write)

    def _write(self) -> None:
        self.transport.write(self.meter.next_request())


async def _burst(plan: Plan) -> Burst:
    loop = asyncio.get_running_loop()
    meter = _Meter(plan)
    ends: list[asyncio.Future[None]] = [loop.create_future() for _ in range(plan.connections)]
    for end in ends:
        await loop.create_connection(lambda end=end: _Connection(meter, end), plan.host, plan.port)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
    async with asyncio.timeout(plan.warm_up_seconds + plan.seconds + DRAIN_SECONDS):
        await asyncio.gather(*ends)
    spent = sorted(meter.spent) or [0.0]
    return Burst(
        seconds=plan.seconds,
        statuses={status.decode(): number for status, number in sorted(meter.statuses.items())},
        p50_ms=spent[len(spent) // 2] * 1000,
        p99_ms=spent[len(spent) * 99 // 100] * 1000,
        next_number=next(meter.numbers),
        sample=meter.sample.decode(errors="replace"),
    )


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(uvloop.run(_burst(Plan(**json.load(sys.stdin)))))))
