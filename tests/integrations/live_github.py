"""The fake GitHub behind a real port, for a gate in a process of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from tests.integrations.fake_github import FakeGitHub


@contextmanager
def listening(known: FakeGitHub) -> Iterator[str]:
    """Its address, for as long as it listens."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        """Hands every request to the fake, one after the other."""

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

        def answer(self) -> None:
            """As the fake answers."""
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = httpx.Request(
                self.command,
                f"{address}{self.path}",
                headers=list(self.headers.items()),
                content=content,
            )
            with lock:
                status, headers, body = asyncio.run(_answer(known, request))
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer  # noqa: N815 - the names that the library calls

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def _answer(
    known: FakeGitHub, request: httpx.Request
) -> tuple[int, list[tuple[str, str]], bytes]:
    response = await known.handle(request)
    return response.status_code, list(response.headers.items()), await response.aread()
