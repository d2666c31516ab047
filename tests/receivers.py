"""A small receiver of messages on loopback: counts what it gets, and can be slow, endless,
elsewhere or a bomb.
"""

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

LOOPBACK = "127.0.0.0/8"


class Got(NamedTuple):
    """One request as it arrived; names of headers are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[["_Handler"], None]


@dataclass(slots=True)
class Receiver:
    """`got` is what came; `answer` is how it misbehaves, or None."""

    url: str
    got: list[Got] = field(default_factory=list)
    answer: Answer | None = None
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])


@contextmanager
def receiver(wrap: Callable[[Any], Any] | None = None) -> Iterator[Receiver]:
    """One that runs, and ends with the test. `wrap` makes its socket one of TLS."""

    class _Own(_Handler):
        pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), _Own)
    server.daemon_threads = True
    if wrap is not None:
        server.socket = wrap(server.socket)
    running = _Own.receiver = Receiver(
        f"{'http' if wrap is None else 'https'}://127.0.0.1:{server.server_address[1]}"
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield running
    finally:
        running.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def status(code: int, **headers: str) -> Answer:
    """Answers so, always."""

    def answer(handler: "_Handler") -> None:
        handler.send_response(code)
        for name, value in {"Content_Length": "0", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()

    return answer


def silent(handler: "_Handler") -> None:
    """Takes the request and never answers."""
    handler.receiver.released.wait()


def drip(handler: "_Handler") -> None:
    """Begins a header, and never ends it."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    handler.wfile.flush()
    handler.receiver.released.wait()


def endless(handler: "_Handler") -> None:
    """Answers well, and then talks for ever."""
    status(200, Content_Length=str(10**12))(handler)
    with suppress(OSError):
        while not handler.receiver.released.is_set():
            handler.wfile.write(b" " * 65_536)


def bomb(handler: "_Handler") -> None:
    """A little that would become very much."""
    packed = gzip.compress(b"0" * 50_000_000)
    status(200, Content_Length=str(len(packed)), Content_Encoding="gzip")(handler)
    with suppress(OSError):
        handler.wfile.write(packed)


class _Handler(BaseHTTPRequestHandler):
    """Takes every POST."""

    receiver: Receiver

    def do_POST(self) -> None:
        """One request."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.receiver.got.append(
            Got(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        )
        (self.receiver.answer or status(204))(self)

    do_GET = do_POST  # noqa: N815 - the name that http.server gives it

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that http.server gives it
        """Nothing."""
