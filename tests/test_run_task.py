"""The run task of the page about controllers, run as it stands there, beside a fake Terraform."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from threading import Timer
from typing import IO, Any

import pytest

from tests.documents import ROOT, Document
from tests.terraform import (
    ACCESS_TOKEN,
    CALLBACK,
    COMMIT,
    JSON,
    KEY,
    PAGE,
    Host,
    attributes,
    listening,
    payload,
    says,
    signed,
)

GATE_TOKEN = "gate_x"  # noqa: S105 - of a fake gate
VERDICT = f"/v1/services/checkout/environments/production/verdict?commit={COMMIT}"
TRIES_MAX = 45
PATIENCE_SECONDS = 120
"""After these a script that hangs is ended, and its test fails."""


@dataclass
class Task:
    """The script, running, and those whom it may ask."""

    port: int
    output: IO[str]
    terraform: Host
    gate: Host

    def posted(self, body: bytes, signature: str | None) -> int:
        """The status that the POST of Terraform is answered."""
        headers = {} if signature is None else {"X-TFC-Task-Signature": signature}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request("POST", "/", body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def line(self) -> str:
        """The line that the script prints at the end of a run."""
        line = "running"
        while line.startswith("running"):
            line = self.output.readline().strip()
        return line.removesuffix(" 200")

    def ended(self, **changed: Any) -> str:
        """Send a signed run that differs in this from a good one; the line at its end."""
        body = self.run(**changed)
        assert self.posted(body, signed(body)) == 200
        return self.line()

    def run(self, **changed: Any) -> bytes:
        """The documented request."""
        return json.dumps(payload(self.terraform.url) | changed).encode()


def script() -> str:
    """The block of the page."""
    path = "docs/how-to/ask-from-controllers.md"
    document = Document(path, (ROOT / path).read_text())
    (block,) = [block for block in document.blocks if block.language == "python"]
    return block.text


def environment(terraform: str, gate: str) -> dict[str, str]:
    """What the page says that it needs; no pause between two questions."""
    return {
        "PATH": os.environ["PATH"],
        "PORT": "0",
        "TASK_KEY": KEY,
        "TASK_INSTANCE": terraform,
        "TASK_PLACES": '{"checkout-production": "services/checkout/environments/production"}',
        "TASK_PAUSE": "0",
        "GATE_URL": gate,
        "GATE_TOKEN": GATE_TOKEN,
    }


@pytest.fixture(scope="module")
def started() -> Iterator[Task]:
    """One script for all; it keeps nothing between two runs."""
    with listening(Host()) as terraform, listening(Host()) as gate:
        process = subprocess.Popen(  # noqa: S603 - a script of our own page
            [sys.executable, "-c", script()],
            env=environment(terraform.url, gate.url),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        watch = Timer(PATIENCE_SECONDS, process.kill)
        watch.start()
        try:
            port = int(process.stdout.readline().rpartition(" ")[2])
            yield Task(port, process.stdout, terraform, gate)
        finally:
            watch.cancel()
            process.kill()
            process.wait()
            process.stdout.close()


@pytest.fixture
def task(started: Task) -> Task:
    """With those beside it as at the start."""
    for host in (started.terraform, started.gate):
        fresh = Host(port=host.port)
        vars(host).update(vars(fresh))
    return started


# What is never done


@pytest.mark.parametrize("key", ["", None])
def test_h6_without_a_key_the_run_task_does_not_start(key: str | None, tmp_path: Path) -> None:
    given = environment("https://app.terraform.io", "https://gate.example.com")
    del given["TASK_KEY"]
    if key is not None:
        given["TASK_KEY"] = key

    done = subprocess.run(  # noqa: S603 - a script of our own page
        [sys.executable, "-c", script()],
        env=given,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert "TASK_KEY is empty" in done.stderr


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda _: None, id="none"),
        pytest.param(lambda _: "", id="empty, as without a key"),
        pytest.param(lambda body: signed(body, key="another"), id="another key"),
        pytest.param(lambda body: signed(body, key=""), id="the empty key"),
        pytest.param(lambda body: signed(body + b" "), id="another body"),
        pytest.param(lambda body: signed(body)[:64], id="its first half"),
        pytest.param(lambda _: "\xe9" * 128, id="no hex"),
    ],
)
def test_h6_a_wrong_signature_is_401_and_nobody_is_called(task: Task, forge: Any) -> None:
    body = task.run()

    assert task.posted(body, forge(body)) == 401

    # its line comes first, so the one before has left nothing behind
    assert task.ended(is_speculative=True) == "passed"
    assert (task.gate.asked, task.terraform.statuses) == ([], ["passed"])


def test_h6_a_body_without_a_bound_is_refused_before_it_is_read(task: Task) -> None:
    for length in ("1000000", "-1", "+5", "many", None):
        connection = HTTPConnection("127.0.0.1", task.port, timeout=PATIENCE_SECONDS)
        connection.putrequest("POST", "/")
        if length is not None:
            connection.putheader("Content-Length", length)
        connection.endheaders()
        assert connection.getresponse().status == 413, length
        connection.close()


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("{other}/callback", id="another host"),
        pytest.param("{instance}@{host}/callback", id="the instance as a user"),
        pytest.param("{instance}.{host}/callback", id="the instance as a beginning"),
        pytest.param("file:///etc/hosts", id="a file"),
        pytest.param("", id="none"),
    ],
)
@pytest.mark.parametrize("is_speculative", [True, False])
def test_h6_the_callback_at_another_host_gets_no_token(
    task: Task, address: str, *, is_speculative: bool
) -> None:
    task.gate.answers = [says("pending"), says("success")]
    with listening(Host()) as other:
        url = address.format(
            other=other.url, host=f"127.0.0.1:{other.port}", instance=task.terraform.url
        )
        line = task.ended(task_result_callback_url=url, is_speculative=is_speculative)

        assert line == "nothing could be told: PermissionError"
        assert (other.asked, task.terraform.asked) == ([], [])


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        pytest.param(200, "text/html", b"<html>log in</html>", id="HTML"),
        pytest.param(200, JSON, b"<html>log in</html>", id="HTML that says it is JSON"),
        pytest.param(200, "text/html", says("success"), id="JSON that says it is HTML"),
        pytest.param(200, JSON, b"", id="nothing"),
        pytest.param(200, JSON, b"{}", id="an empty answer"),
        pytest.param(200, JSON, b'["success"]', id="a list"),
        pytest.param(200, JSON, says("fine"), id="another word"),
        pytest.param(200, JSON, b" " * 1_000_000 + says("success"), id="too long"),
        pytest.param(202, JSON, says("success"), id="202"),
        pytest.param(401, JSON, says("success"), id="no token"),
        pytest.param(503, JSON, says("success"), id="trouble of the gate"),
        pytest.param(200, JSON, says("failure"), id="a no"),
    ],
)
def test_h6_what_is_not_a_success_of_the_gate_is_failed(
    task: Task, status: int, kind: str, body: bytes
) -> None:
    task.gate.status, task.gate.kind, task.gate.answers = status, kind, [body]

    assert task.ended() == "failed"
    assert task.terraform.statuses == ["failed"]


def test_h6_a_gate_that_sends_elsewhere_is_not_followed(task: Task) -> None:
    with listening(Host()) as other:
        task.gate.status, task.gate.location = 302, f"{other.url}/verdict"

        assert task.ended() == "failed"
        assert other.asked == [], "it would have got the token of the gate"


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"vcs_commit_url": None}, id="an upload"),
        pytest.param({"vcs_commit_url": "https://github.com/example/commit/main"}, id="a branch"),
        pytest.param({"vcs_commit_hash": COMMIT[:7]}, id="a short hash, beside a good address"),
        pytest.param({"workspace_name": "payments-production"}, id="an unknown workspace"),
        pytest.param({"is_speculative": "true", "vcs_commit_url": None}, id="a word, no yes"),
    ],
)
def test_h6_a_run_without_a_commit_or_a_service_is_failed_with_words(
    task: Task, changed: dict[str, Any]
) -> None:
    assert task.ended(**changed) == "failed"

    assert task.gate.asked == []
    assert attributes(task.terraform.results[0])["message"].startswith("The ")


def test_h6_the_access_token_is_never_printed_even_where_it_breaks_the_request(task: Task) -> None:
    line = task.ended(access_token=f"{ACCESS_TOKEN}\n")

    assert line == "nothing could be told: ValueError"


# What is done


def test_h6_the_test_at_the_creation_is_answered_200_and_nobody_is_called(task: Task) -> None:
    assert task.ended(stage="test") == "a test, as at the creation of the task"
    assert (task.gate.asked, task.terraform.asked) == ([], [])


def test_h6_a_speculative_plan_passes_unasked(task: Task) -> None:
    assert task.ended(is_speculative=True) == "passed"
    assert (task.gate.asked, task.terraform.statuses) == ([], ["passed"])


@pytest.mark.parametrize(
    "changed",
    [{}, {"vcs_commit_hash": None}, {"vcs_commit_hash": COMMIT, "vcs_commit_url": None}],
)
def test_h6_a_success_of_the_gate_passes(task: Task, changed: dict[str, Any]) -> None:
    assert task.ended(**changed) == "passed"

    assert task.gate.asked == [("GET", VERDICT, f"Bearer {GATE_TOKEN}")]
    assert task.terraform.asked == [("PATCH", CALLBACK, f"Bearer {ACCESS_TOKEN}")]
    assert attributes(task.terraform.results[0]) == {
        "status": "passed",
        "message": "The gate says success. It is small.",
        "url": PAGE,
    }


def test_h6_while_people_look_terraform_hears_it_every_few_minutes(task: Task) -> None:
    task.gate.answers = [says("pending")] * 6 + [says("success")]

    assert task.ended() == "passed"
    assert task.terraform.statuses == ["running", "running", "passed"]


def test_h6_what_waits_too_long_is_failed_with_the_link(task: Task) -> None:
    task.gate.answers = [says("pending")]

    assert task.ended() == "failed"

    assert len(task.gate.asked) == TRIES_MAX
    assert set(task.terraform.statuses[:-1]) == {"running"}
    last = attributes(task.terraform.results[-1])
    assert last["url"] == PAGE
    assert last["message"].startswith(
        "Start the run again after the approval. The gate says pending."
    )
