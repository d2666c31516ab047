"""The form of a log line, and what is never in one."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from gate.cli.logs import log_as_json, without_secrets

TOKEN = "gate_0123456789abcdef_" + "s" * 43
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJyZXBvOiJ9.c2lnbmF0dXJl"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Standard error, with the log of `gate serve` on it; the tests' own log comes back."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    root.handlers.clear()
    log_as_json()
    yield written
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param(f"token {TOKEN} is", "token gate_0123456789abcdef_*** is", id="of the gate"),
        pytest.param("gate_writer_oldest_seconds", "gate_writer_oldest_seconds", id="a metric"),
        pytest.param(
            "postgresql+psycopg://gate:pass@db/gate", "postgresql+psycopg://***@db/gate", id="database"
        ),
        pytest.param("https://h.example/x?token=a&b=c y", "https://h.example/x?*** y", id="a query"),
        pytest.param("https://hooks.slack.com/services/T/B/x", "https://hooks.slack.com/***", id="Slack"),
        pytest.param("Authorization: Bearer abcdefgh123", "Authorization: Bearer ***", id="a header"),
        pytest.param(f"'{JWT}'", "'***'", id="an identity token"),
        pytest.param("ghs_" + "a" * 36, "***", id="GitHub"),
        pytest.param("glpat-" + "a" * 20, "***", id="GitLab"),
        pytest.param("whsec_" + "a" * 32, "***", id="a webhook"),
        pytest.param("chg_01m8jftxp8as1j8n367zt554q3", "chg_01m8jftxp8as1j8n367zt554q3", id="a change"),
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_starred(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


def test_a_line_has_what_every_line_has_first_and_carries_what_is_bound(log: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(change="chg_1", request="r1"):
        structlog.get_logger("x").info("answered", status=201)

    line = json.loads(log.getvalue())
    assert list(line) == ["timestamp", "level", "event", "request", "change", "status"]
    assert (line["event"], line["request"], line["change"], line["status"]) == (
        "answered",
        "r1",
        "chg_1",
        201,
    )


def test_an_error_is_one_line_with_its_traceback_and_without_its_secrets(log: io.StringIO) -> None:
    cause = RuntimeError(f"asked https://h.example/x?key=secret with Bearer {TOKEN}")

    structlog.get_logger("x").error("request failed", exc_info=cause)

    (line,) = log.getvalue().splitlines()
    said = json.loads(line)
    assert "RuntimeError: asked https://h.example/x?***" in said["exception"]
    assert "s" * 43 not in line
    assert "key=secret" not in line


def test_a_line_of_a_library_has_the_same_form(log: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request="r1"):
        logging.getLogger("httpx").warning("sent to %s", "https://u:p@h.example/")

    line = json.loads(log.getvalue())
    assert (line["event"], line["level"], line["request"]) == (
        "sent to https://***@h.example/",
        "warning",
        "r1",
    )
