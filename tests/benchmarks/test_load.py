"""The load generator sends whole requests with a number of their own and counts only what was
answered.
"""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from benchmarks.load import PLACE, Plan, run


class Echo(BaseHTTPRequestHandler):
    """Answers the number it was sent."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[tuple[str, int]]] = []

    def do_POST(self) -> None:
        """One answer with content-length."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.seen.append((self.headers["idempotency-key"], int(body["number"])))
        content = b"x" * 10
        self.send_response(503 if self.path == "/busy" else 201)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has in the library
        """Nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    Echo.seen.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def plan(port: int, path: str = "/") -> Plan:
    body = json.dumps({"number": PLACE.decode(), "share": "100 %"})
    headers = {"idempotency-key": f"key-{PLACE.decode()}"}
    return Plan(
        port=port,
        path=path,
        headers=headers,
        bodies=[body],
        connections=2,
        seconds=0.2,
        first_number=7,
        warm_up_seconds=0.0,
    )


def test_every_request_has_a_number_of_its_own(port: int) -> None:
    burst = run(plan(port))

    numbers = sorted(number for _, number in Echo.seen)
    assert numbers == list(range(7, 7 + len(numbers)))
    assert burst.next_number == 7 + len(numbers)
    assert {key for key, _ in Echo.seen} == {f"key-{number:012}" for number in numbers}
    assert 0 < burst.statuses["201"] <= len(numbers)


def test_a_refusal_is_no_throughput(port: int) -> None:
    with pytest.raises(RuntimeError, match="only 2xx counts"):
        run(plan(port, "/busy"))


def test_a_percent_sign_in_a_body_stays_one() -> None:
    request = plan(1).requests()[0] % (7, 7)

    assert b"100 %" in request
    assert request.startswith(b"POST / HTTP/1.1\r\n")
    head, _, body = request.partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head
