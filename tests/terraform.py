"""A fake Terraform and a fake gate on this machine, and what the real ones send."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

KEY = "key-of-the-task"
COMMIT = "c" * 40
ACCESS_TOKEN = "token-of-one-run"  # noqa: S105 - of a fake Terraform
CALLBACK = "/api/v2/task-results/taskrs-1/callback"
JSON = "application/json"
REASON = {"rule": "size", "title": "Size", "points": 0, "holds": True, "because": "It is small."}
PAGE = "https://gate.example.com/changes/chg_1"


def says(phase: str) -> bytes:
    """What the gate answers, in the parts that the script reads."""
    return json.dumps({"phase": phase, "reasons": [REASON], "page": PAGE}).encode()


@dataclass
class Host:
    """A server on this machine: it keeps what it was asked, and answers each GET in turn."""

    port: int = 0
    status: int = 200
    kind: str = JSON
    answers: list[bytes] = field(default_factory=lambda: [says("success")])
    location: str = ""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def statuses(self) -> list[str]:
        """The results that a run was given, in order."""
        return [attributes(sent)["status"] for sent in self.results]


def attributes(sent: dict[str, Any]) -> dict[str, str]:
    """The result in a callback's body, which has no other form."""
    assert sent["data"]["type"] == "task-results"
    found: dict[str, str] = sent["data"]["attributes"]
    return found


@contextmanager
def listening(host: Host) -> Iterator[Host]:
    """It takes the verdict's GET and the callback's PATCH."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.asked.append(("GET", self.path, self.headers["Authorization"]))
            body = host.answers.pop(0) if len(host.answers) > 1 else host.answers[0]
            self.send_response(host.status)
            self.send_header("Content-Type", host.kind)
            if host.location:
                self.send_header("Location", host.location)
            self.end_headers()
            self.wfile.write(body)

        def do_PATCH(self) -> None:
            host.asked.append(("PATCH", self.path, self.headers["Authorization"]))
            assert self.headers["Content-Type"] == "application/vnd.api+json"
            host.results.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.port = server.server_port
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()


def payload(terraform: str) -> dict[str, Any]:
    """What Terraform sends before an apply."""
    return {
        "payload_version": 1,
        "stage": "pre_apply",
        "access_token": ACCESS_TOKEN,
        "capabilities": {"outcomes": True},
        "is_speculative": False,
        "organization_name": "example",
        "run_id": "run-1",
        "run_app_url": f"{terraform}/app/example/checkout-production/runs/run-1",
        "run_created_at": "2026-03-02T10:00:00.000Z",
        "run_created_by": "ada",
        "run_message": "Change the price",
        "task_result_id": "taskrs-1",
        "task_result_callback_url": f"{terraform}{CALLBACK}",
        "task_result_enforcement_level": "mandatory",
        "workspace_id": "ws-1",
        "workspace_name": "checkout-production",
        "workspace_app_url": f"{terraform}/app/example/checkout-production",
        "workspace_working_directory": None,
        "configuration_version_id": "cv-1",
        "configuration_version_download_url": f"{terraform}/api/v2/configuration-versions/cv-1",
        "vcs_repo_url": "https://github.com/example/checkout",
        "vcs_branch": "main",
        "vcs_commit_url": f"https://github.com/example/checkout/commit/{COMMIT}",
        "vcs_pull_request_url": None,
        "plan_json_api_url": f"{terraform}/api/v2/plans/plan-1/json-output",
    }


def signed(body: bytes, key: str = KEY) -> str:
    """As Terraform signs."""
    return hmac.new(key.encode(), body, hashlib.sha512).hexdigest()
