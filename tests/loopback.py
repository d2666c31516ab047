"""A provider on loopback whose answers may be slow, huge, elsewhere, or none that anybody can read."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol, TypeAlias, TypeVar, cast

Answer: TypeAlias = Callable[[BaseHTTPRequestHandler], None]
"""How a provider that misbehaves answers."""


class Running(Protocol):
    """A provider that runs."""

    url: str
    released: threading.Event
    """Set at the end: whoever is slow may go."""


P = TypeVar("P", bound=Running)


class _OfProvider(Protocol):
    """A handler of requests to one provider."""

    provider: Running


@contextmanager
def on_loopback(handler: type[BaseHTTPRequestHandler], make: Callable[[str], P]) -> Iterator[P]:
    """The provider that `make` makes for its address, which `handler` has as `provider`; it runs,
    and ends with the test.
    """
    own = type("Own", (handler,), {"log_message": _log_nothing})  # so that two providers are two
    server = ThreadingHTTPServer(("127.0.0.1", 0), own)
    server.daemon_threads = True
    provider = make(f"http://127.0.0.1:{server.server_address[1]}")
    cast("_OfProvider", own).provider = provider
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield provider
    finally:
        provider.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Begins, and never goes on."""
    begin(handler, 200, length=1000)
    handler.wfile.write(b"{")
    handler.wfile.flush()
    _provider(handler).released.wait()


def huge(handler: BaseHTTPRequestHandler) -> None:
    """Says more than anybody wants to hear."""
    begin(handler, 200, length=100 * 1024 * 1024)
    try:
        for _ in range(1600):
            handler.wfile.write(b" " * 65_536)
    except OSError:
        return


def redirect(handler: BaseHTTPRequestHandler) -> None:
    """Sends the asker elsewhere on this machine."""
    begin(handler, 302, Location=f"{_provider(handler).url}/elsewhere")


def down(handler: BaseHTTPRequestHandler) -> None:
    """Is not well."""
    begin(handler, 500)


def garbage(handler: BaseHTTPRequestHandler) -> None:
    """Answers like a proxy that wants a login."""
    send(handler, b"<html>log in</html>")


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
    """Answer with this body."""
    begin(handler, status, length=len(body))
    handler.wfile.write(body)


def begin(handler: BaseHTTPRequestHandler, status: int, length: int = 0, **headers: str) -> None:
    """Answer with this status and these headers; a body of that length follows."""
    handler.send_response(status)
    for name, value in {
        "Content-Type": "application/json",
        "Content-Length": str(length),
        **headers,
    }.items():
        handler.send_header(name, value)
    handler.end_headers()


def _log_nothing(*_: object) -> None:
    """Nothing."""


def _provider(handler: BaseHTTPRequestHandler) -> Running:
    return cast("_OfProvider", handler).provider
