"""Traces: a request, its decision, its commit and what code hosts were asked stand below each other;
no secret and no person is in them; nothing is done while they are off.
"""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from gate import tracing
from gate.cli.serve import trace_if_asked
from gate.errors import SourceUnavailable
from gate.integrations.github.facts import HEADERS as GITHUB_HEADERS
from gate.integrations.http.rest import Credential, Rest
from tests.api.served import request, served
from tests.integrations.github_answers import ask, fake, github

pytestmark = pytest.mark.anyio

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
TRACE, CALLER_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ALLOWED = {
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "server.address",
    "error.type",
    "gate.request",
    "gate.service",
    "gate.environment",
    "gate.outcome",
}


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Traces are on, and what ends is kept in memory."""
    kept = InMemorySpanExporter()
    tracing.trace_to(SimpleSpanProcessor(kept), {})
    yield kept
    tracing.stop()


def named(spans: InMemorySpanExporter, name: str) -> ReadableSpan:
    (found,) = [span for span in spans.get_finished_spans() if span.name == name]
    return found


def parent_of(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


@pytest.mark.parametrize(
    ("environment", "exporter"),
    [
        pytest.param({}, "none", id="nothing is set"),
        pytest.param(ENDPOINT, "otlp", id="an endpoint is enough"),
        pytest.param({"OTEL_TRACES_EXPORTER": "otlp"}, "otlp", id="the exporter is enough"),
        pytest.param({"OTEL_TRACES_EXPORTER": "console"}, "console", id="to standard output"),
        pytest.param({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, "none", id="off by name"),
        pytest.param({**ENDPOINT, "OTEL_SDK_DISABLED": "true"}, "none", id="off as a whole"),
        pytest.param({"OTEL_TRACES_EXPORTER": "zipkin"}, "none", id="one that is not here"),
    ],
)
def test_the_standard_variables_switch_traces_on(
    environment: Mapping[str, str], exporter: str
) -> None:
    assert tracing.exporter_of(environment) == exporter


def test_while_traces_are_off_every_span_is_the_same_nothing() -> None:
    with tracing.span("decide", gate_service="web") as one, tracing.request_span([]) as other:
        one.set_attribute("gate.outcome", "approved")

    assert one is other
    assert tracing.trace_id() is None


async def test_while_traces_are_off_a_commit_is_the_future_itself() -> None:
    future = asyncio.get_running_loop().create_future()

    assert tracing.commit_traced(future) is future
    future.cancel()


async def test_a_decision_and_its_commit_stand_below_the_request_and_that_below_its_caller(
    sqlite_url: str, tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    async with served(sqlite_url, tmp_path) as service:
        http = await service.pipeline()
        spans.clear()
        with capture_logs([merge_contextvars]) as lines:
            answer = await http.post(
                "/v1/changes",
                json=request(),
                headers={"traceparent": f"00-{TRACE}-{CALLER_SPAN}-01"},
            )

    asked, decided = named(spans, "POST /v1/changes"), named(spans, "decide")
    below = [span for span in spans.get_finished_spans() if parent_of(span) == id_of(asked)]
    assert parent_of(asked) == int(CALLER_SPAN, 16)
    assert {span.name for span in below} == {"decide", "commit"}
    assert decided.attributes == {
        "gate.service": "web",
        "gate.environment": "staging",
        "gate.outcome": "approved",
    }
    assert asked.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/changes",
        "http.response.status_code": 201,
        "gate.request": answer.headers["x-request-id"],
    }
    (line,) = [line for line in lines if line["event"] == "answered"]
    assert line["trace"] == TRACE


async def test_no_secret_and_no_person_is_in_a_span(
    sqlite_url: str, tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    async with served(sqlite_url, tmp_path) as service:
        http = await service.pipeline()
        await http.post("/v1/changes", json=request())
        await http.post("/v1/changes?token=gate_canary", json=request("2"))
        await http.post("/v1/changes", content=b"{", headers={"Content-Type": "application/json"})
        await http.get("/v1/changes/canary-in-an-address")
        token = http.headers["Authorization"].removeprefix("Bearer ")

    ended = spans.get_finished_spans()
    assert len(ended) > 5
    assert {name for span in ended for name in span.attributes or {}} <= ALLOWED
    for span in ended:
        said = span.to_json()
        assert not [word for word in (token, "canary", "kofi", "Faster images") if word in said], (
            said
        )
        assert not span.events


async def test_what_a_code_host_is_asked_has_the_host_and_its_status_alone(
    spans: InMemorySpanExporter,
) -> None:
    known = fake()
    await github(known).facts(ask())

    asked = spans.get_finished_spans()
    assert {span.name for span in asked} == {"code host"}
    assert {dict(span.attributes or {})["server.address"] for span in asked} == {"api.github.com"}
    assert {dict(span.attributes or {})["http.response.status_code"] for span in asked} >= {200}
    assert {name for span in asked for name in span.attributes or {}} <= ALLOWED


async def test_an_error_is_named_by_its_class_and_its_words_are_left_out(
    spans: InMemorySpanExporter,
) -> None:
    async def unreachable() -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(refuse))

    def refuse(asked: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"{asked.url} with gate_canary cannot be reached")

    rest = Rest("https://api.github.com", GITHUB_HEADERS, unreachable, sleep=at_once)

    with pytest.raises(SourceUnavailable):
        await rest.get("/x", Credential("app", {"Authorization": "Bearer gate_canary"}))

    ended = spans.get_finished_spans()
    assert {dict(span.attributes or {})["error.type"] for span in ended} == {"ConnectError"}
    assert not any(span.status.is_ok for span in ended)
    assert "canary" not in "".join(span.to_json() for span in ended)


async def test_what_no_request_waits_for_is_no_trace(
    sqlite_url: str, tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    async with served(sqlite_url, tmp_path) as service:
        spans.clear()
        await service.gate.store.now()

    assert [span.name for span in spans.get_finished_spans()] == []


async def at_once(_: float) -> None:
    """No pause between two attempts."""


def about(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.resource.attributes)


def test_the_service_is_named_and_the_operator_may_name_it_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named_by = []
    for environment in ({}, {"OTEL_SERVICE_NAME": "gate-of-payments"}):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        kept = InMemorySpanExporter()
        tracing.trace_to(SimpleSpanProcessor(kept), environment)
        with tracing.span("decide"):
            pass
        tracing.stop()
        named_by.append(about(kept.get_finished_spans()[0])["service.name"])

    assert named_by == ["change-gate", "gate-of-payments"]


def test_a_server_without_the_extra_says_what_to_install_and_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tracing, "is_installed", lambda: False)

    with capture_logs() as lines:
        trace_if_asked(ENDPOINT)
        trace_if_asked({})

    assert ["change-gate[otel]" in line["event"] for line in lines] == [True]
    assert tracing.trace_id() is None
