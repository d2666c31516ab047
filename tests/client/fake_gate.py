"""A small server on loopback that speaks the part of the interface that a pipeline uses, and every
kind of fault.
"""

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

TOKEN = "gate_test"  # noqa: S105 - made up
CHANGE_TOKEN = "gatec_test"  # noqa: S105 - made up
CHANGE = "chg_00000000000000000000000001"

_ACTS = (
    ("GET", r"/v1/services/([^/]+)/environments/([^/]+)", "place"),
    ("POST", r"/v1/changes", "submit"),
    ("POST", r"/v1/evaluations", "evaluate"),
    ("GET", r"/v1/changes/[^/]+", "read"),
    ("POST", r"/v1/changes/[^/]+/(admission|closure|cancellation)", ""),
)

Fault = Callable[[BaseHTTPRequestHandler], None]


class Seen(NamedTuple):
    """One request as it arrived."""

    act: str
    path: str
    query: str
    headers: dict[str, str]
    body: dict[str, Any]


class FakeGate:
    """`states` are the states that submit and read answer, one after the other; the last one stays.

    `faults` are played before anything else, by act, each once; `always` for every request.
    """

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[Seen] = []
        self.states = ["approved"]
        self.running: list[str | None] = [None]
        self.first_deployment: object = False
        self.faults: dict[str, list[Fault]] = {}
        self.always: Fault | None = None
        self.change: dict[str, Any] = {}
        self.extra: dict[str, Any] = {}
        self.on_read: Callable[[], None] = lambda: None
        self.released = threading.Event()

    def acts(self) -> list[str]:
        """What was asked, in order."""
        return [one.act for one in self.seen]

    def of(self, act: str) -> list[Seen]:
        """The requests of one kind."""
        return [one for one in self.seen if one.act == act]

    def answer(self, seen: Seen) -> tuple[int, dict[str, Any]]:
        """What the gate would say."""
        if seen.act == "place":
            commit = _next(self.running)
            running = commit and {
                "commit": commit,
                "change": CHANGE,
                "since": "2026-01-01T00:00:00Z",
            }
            return 200, {
                "running": running,
                "first_deployment": self.first_deployment,
                "in_flight": [],
            }
        if seen.act == "submit":
            self.change = a_change(
                commit=seen.body["commit"],
                service=seen.body["service"],
                environment=seen.body["environment"],
            )
            return 201, {
                **self.change,
                **self.extra,
                "state": _next(self.states),
                "change_token": CHANGE_TOKEN,
            }
        if seen.act == "evaluate":
            answer = {
                **a_change(commit=seen.body["commit"]),
                **self.extra,
                "outcome": _next(self.states),
                "facts": {},
            }
            return 200, {
                name: value for name, value in answer.items() if name not in {"id", "state"}
            }
        if seen.act == "read":
            self.on_read()
            return 200, {**self.change, **self.extra, "state": _next(self.states)}
        if seen.act == "admission":
            return 200, an_envelope(CHANGE, seen.body["commit"])
        state = {"closure": "closed", "cancellation": "canceled"}[seen.act]
        return 200, {**(self.change or a_change()), **self.extra, "state": state}


def a_change(**changed: Any) -> dict[str, Any]:
    return {
        "id": CHANGE,
        "state": "approved",
        "type": "standard",
        "route": "automatic",
        "outcome": "approved",
        "service": "checkout",
        "environment": "staging",
        "commit": "c" * 40,
        "risk": {"score": 12, "band": "low"},
        "reasons": [
            {
                "rule": "size",
                "title": "Larger changes fail more often",
                "points": 8,
                "holds": True,
                "because": "12 lines added",
                "facts": {},
            },
            {
                "rule": "tests",
                "title": "All checks passed",
                "points": 0,
                "holds": False,
                "because": "checks failed is 1",
                "facts": {},
            },
            {
                "rule": "who",
                "title": "New author",
                "points": 10,
                "holds": None,
                "because": "author is unknown",
                "facts": {},
            },
        ],
        "policy": {"name": "default", "revision": "e" * 64},
        "standard_change": "everyday",
        "approvals": {
            "required": [{"by": ["release-managers", "owners"], "count": 2, "missing": 2}],
            "given": [],
            "excluded": [],
        },
        "hold": None,
        "links": {"self": f"https://gate.example.com/v1/changes/{CHANGE}"},
        **changed,
    }


def an_envelope(change: str, commit: str, **changed: Any) -> dict[str, Any]:
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "urn:gate:admission:v1",
        "subject": [{"name": "acme/checkout", "digest": {"gitCommit": commit}}],
        "predicate": {"change": change},
        **changed,
    }
    return {
        "payload": base64.b64encode(json.dumps(statement).encode()).decode(),
        "payloadType": "application/vnd.in-toto+json",
        "signatures": [{"keyid": "k", "sig": "AAAA"}],
    }


def problem(status: int, name: str, detail: str = "because", **headers: str) -> Fault:
    """A problem document of the gate."""
    body = {"type": f"urn:gate:problem:{name}", "title": name, "status": status, "detail": detail}
    return raw(status, json.dumps(body).encode(), "application/problem+json", **headers)


def raw(
    status: int, content: bytes, content_type: str = "application/json", **headers: str
) -> Fault:
    """Any bytes, whole."""

    def play(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return play


def truncated(content: bytes, promised: int) -> Fault:
    """The answer breaks off."""

    def play(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(
            b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            % promised
            + content
        )

    return play


def cut(handler: BaseHTTPRequestHandler) -> None:
    """The connection ends without a word."""
    handler.close_connection = True


def hang(gate: FakeGate) -> Fault:
    """No answer until the test is over."""

    def play(handler: BaseHTTPRequestHandler) -> None:
        gate.released.wait(30)
        handler.close_connection = True

    return play


@contextmanager
def fake_gate() -> Iterator[FakeGate]:
    gate = FakeGate()

    class Handler(BaseHTTPRequestHandler):
        """One request of the client."""

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            _serve(gate, self, "GET")

        def do_POST(self) -> None:
            _serve(gate, self, "POST")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    gate.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield gate
    finally:
        gate.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _serve(gate: FakeGate, handler: BaseHTTPRequestHandler, method: str) -> None:
    path, _, query = handler.path.partition("?")
    content = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    headers = {name.lower(): value for name, value in handler.headers.items()}
    seen = Seen(_act(method, path), path, query, headers, json.loads(content) if content else {})
    gate.seen.append(seen)
    faults = gate.faults.get(seen.act)
    fault = gate.always or (faults.pop(0) if faults else None)
    if fault is None:
        status, body = gate.answer(seen)
        fault = raw(status, json.dumps(body).encode())
    try:
        fault(handler)
    except (BrokenPipeError, ConnectionResetError):
        handler.close_connection = True  # the client did not wait


def _act(method: str, path: str) -> str:
    for known, pattern, name in _ACTS:
        found = re.fullmatch(pattern, path)
        if known == method and found:
            return name or found.group(1)
    return "unknown"


def _next(values: list[Any]) -> Any:
    return values.pop(0) if len(values) > 1 else values[0]
