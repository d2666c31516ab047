"""Asking over HTTP: what is no answer of the gate, what is asked again, and what is final."""

import json
import socket
from pathlib import Path

import pytest

from gate.client.connection.answers import anything
from gate.client.connection.http import GateRequest, Http, Refused, Unreachable
from gate.client.connection.transport import ANSWER_BYTES_MAX
from gate.client.world import World
from tests.client.fake_gate import FakeGate, Fault, cut, fake_gate, hang, problem, raw, truncated
from tests.client.worlds import Clock, a_world

OK = raw(200, b'{"x": 1}')
PATH = "/v1/x"


def asked(
    gate: FakeGate, world: World, *, seconds: float = 5, retries: int = 5
) -> dict[str, object]:
    asking = GateRequest("POST", PATH, "gate_t", anything, {"a": 1}, key="k", retries=retries)
    return Http(gate.url, world, seconds=seconds).ask(asking)


FOREIGN = [
    pytest.param(raw(500, b"", "text/plain"), id="500"),
    pytest.param(problem(503, "busy"), id="503 of the gate"),
    pytest.param(raw(502, b"<html>bad gateway</html>", "text/html"), id="502 of a proxy"),
    pytest.param(raw(200, b"<html>log in</html>", "text/html"), id="HTML"),
    pytest.param(raw(200, b"<html>log in</html>"), id="HTML that says it is JSON"),
    pytest.param(raw(200, b""), id="empty"),
    pytest.param(raw(200, b"[]"), id="a list"),
    pytest.param(raw(200, b'"approved"'), id="a text"),
    pytest.param(raw(200, b'{"state": "appr'), id="cut JSON"),
    pytest.param(raw(200, b'{"x": 1}', "text/plain"), id="another media type"),
    pytest.param(raw(200, b"{" * 50_000), id="deep JSON"),
    pytest.param(truncated(b'{"x": 1}', 100), id="fewer bytes than promised"),
    pytest.param(cut, id="no answer at all"),
    pytest.param(raw(204, b""), id="204"),
]


@pytest.mark.parametrize("fault", FOREIGN)
def test_what_is_no_answer_of_the_gate_is_asked_again_and_then_unreachable(
    tmp_path: Path, fault: Fault
) -> None:
    clock = Clock()
    with fake_gate() as gate:
        gate.always = fault
        with pytest.raises(Unreachable, match="6 attempts"):
            asked(gate, a_world(tmp_path, clock=clock))

        assert len(gate.seen) == 6
        assert {seen.headers["idempotency-key"] for seen in gate.seen} == {'"k"'}
    assert len(clock.slept) == 5
    assert all(
        low <= pause <= 2 * low
        for pause, low in zip(clock.slept, (0.25, 0.5, 1, 2, 4), strict=True)
    )


def test_a_hanging_server_is_given_up_in_time(tmp_path: Path) -> None:
    with fake_gate() as gate:
        gate.always = hang(gate)
        with pytest.raises(Unreachable, match="no answer within"):
            asked(gate, a_world(tmp_path), seconds=0.1, retries=1)


def test_a_refused_connection_is_unreachable(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, but nobody listens
        gate = FakeGate()
        gate.url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(Unreachable, match="refused"):
            asked(gate, a_world(tmp_path))


def test_plain_http_where_tls_is_expected_is_unreachable(tmp_path: Path) -> None:
    with fake_gate() as gate:
        gate.url = gate.url.replace("http://", "https://")
        with pytest.raises(Unreachable, match="SSL"):
            asked(gate, a_world(tmp_path), retries=0)


def test_an_endless_answer_is_cut_off(tmp_path: Path) -> None:
    with fake_gate() as gate:
        gate.always = raw(200, b" " * (ANSWER_BYTES_MAX + 1))
        with pytest.raises(Unreachable, match="more than"):
            asked(gate, a_world(tmp_path), retries=0)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed_and_no_token_goes_elsewhere(tmp_path: Path, status: int) -> None:
    with fake_gate() as other, fake_gate() as gate:
        gate.always = raw(status, b"", Location=f"{other.url}/v1/x")
        with pytest.raises(Unreachable, match="redirects to"):
            asked(gate, a_world(tmp_path))

        assert (len(gate.seen), other.seen) == (1, [])


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "bad_json"),
        (401, "unauthenticated"),
        (403, "not_allowed"),
        (404, "not_found"),
        (409, "consumed"),
        (422, "invalid"),
    ],
)
def test_a_refusal_of_the_gate_is_final(tmp_path: Path, status: int, name: str) -> None:
    with fake_gate() as gate:
        gate.always = problem(status, name, "who are\x1b[2J you\u202e")
        with pytest.raises(Refused) as caught:
            asked(gate, a_world(tmp_path))

        assert len(gate.seen) == 1
    assert (caught.value.status, caught.value.problem, caught.value.denied) == (
        status,
        name,
        status in (401, 403),
    )
    assert caught.value.detail == "who are you\\u202e"


def test_the_faults_of_a_request_are_told(tmp_path: Path) -> None:
    faults = [{"detail": "must be a digest", "pointer": "#/artifacts/0/digest"}, "nonsense"]
    body = {
        "type": "urn:gate:problem:invalid",
        "detail": "the request is not understood",
        "errors": faults,
    }
    with fake_gate() as gate:
        gate.always = raw(422, json.dumps(body).encode(), "application/problem+json")
        with pytest.raises(Refused, match="#/artifacts/0/digest must be a digest"):
            asked(gate, a_world(tmp_path))


@pytest.mark.parametrize("status", [401, 403])
def test_a_foreign_401_or_403_is_a_refusal_too_and_is_remembered(
    tmp_path: Path, status: int
) -> None:
    with fake_gate() as gate:
        gate.always = raw(status, b"<html>", "text/html")
        http = Http(gate.url, a_world(tmp_path))
        with pytest.raises(Refused, match="does not let this caller in"):
            http.ask(GateRequest("GET", PATH, "", anything))
    assert http.denied


@pytest.mark.parametrize("status", [404, 405, 410])
def test_a_foreign_4xx_means_that_this_is_not_the_gate(tmp_path: Path, status: int) -> None:
    with fake_gate() as gate:
        gate.always = raw(status, b'{"detail": "Not Found"}')
        with pytest.raises(Unreachable, match="is the address right"):
            asked(gate, a_world(tmp_path))

        assert len(gate.seen) == 1


def test_too_many_requests_waits_as_long_as_it_is_told_and_is_no_outage(tmp_path: Path) -> None:
    clock = Clock()
    with fake_gate() as gate:
        gate.always = problem(429, "rate_limited", Retry_After="7")
        with pytest.raises(Refused, match="rate_limited"):
            asked(gate, a_world(tmp_path, clock=clock), retries=2)
    assert len(clock.slept) == 2
    assert all(7 < pause <= 8 for pause in clock.slept)


def test_a_long_retry_after_is_cut_and_a_date_is_ignored(tmp_path: Path) -> None:
    clock = Clock()
    with fake_gate() as gate:
        gate.faults["unknown"] = [
            problem(503, "busy", Retry_After="86400"),
            problem(503, "busy", Retry_After="Wed, 21 Oct 2099 07:28:00 GMT"),
            OK,
        ]
        assert asked(gate, a_world(tmp_path, clock=clock)) == {"x": 1}
    assert 30 < clock.slept[0] <= 30.5
    assert clock.slept[1] <= 1


def test_after_a_fault_the_same_key_gets_the_answer(tmp_path: Path) -> None:
    with fake_gate() as gate:
        gate.faults["unknown"] = [cut, raw(503, b"", "text/plain"), OK]
        assert asked(gate, a_world(tmp_path)) == {"x": 1}
        assert [(seen.headers["idempotency-key"], seen.body) for seen in gate.seen] == [
            ('"k"', {"a": 1})
        ] * 3


def test_an_answer_that_fails_its_check_is_no_answer(tmp_path: Path) -> None:
    with fake_gate() as gate:
        gate.always = OK
        asking = GateRequest(
            "GET", PATH, "", lambda body: None if body.get("x") == 2 else "x is not 2", retries=0
        )
        with pytest.raises(Unreachable, match="not the gate's: x is not 2"):
            Http(gate.url, a_world(tmp_path)).ask(asking)


def test_a_proxy_is_for_https_alone_and_not_for_those_without(tmp_path: Path) -> None:
    with fake_gate() as gate:
        gate.always = OK
        assert asked(
            gate,
            a_world(tmp_path, HTTP_PROXY="http://127.0.0.1:1", https_proxy="http://127.0.0.1:1"),
        ) == {"x": 1}
        proxy = fake_gate()
        with proxy as tunnel:
            tunnel.always = raw(403, b"")
            world = a_world(tmp_path, HTTPS_PROXY=tunnel.url, NO_PROXY="internal.example.com")
            with pytest.raises(Unreachable, match="Tunnel connection failed"):
                Http("https://gate.example.com", world).ask(
                    GateRequest("GET", PATH, "", anything, retries=0)
                )
