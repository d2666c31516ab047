"""What every request passes and every answer carries, and what an error looks like from outside."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from structlog.testing import capture_logs

from gate.api.http.body import BODY_BYTES_MAX
from tests.api.asgi import client, problem, problem_name
from tests.api.echo import AUDITOR, PIPELINE, echo_app

pytestmark = pytest.mark.anyio
NAMED = {"name": "x"}


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"Authorization": "Bearer wrong"}, id="A28 a wrong token"),
        pytest.param({"Authorization": "Bearer "}, id="A28 an empty token"),
        pytest.param({"Authorization": f"Basic {AUDITOR}"}, id="A28 another scheme"),
        pytest.param({"Authorization": AUDITOR}, id="A28 no scheme"),
        pytest.param({"X-Api-Key": AUDITOR}, id="A28 another header"),
        pytest.param({"Cookie": f"token={AUDITOR}"}, id="A28 a cookie"),
    ],
)
async def test_without_a_valid_token_nobody_passes_and_all_hear_the_same(
    headers: dict[str, str],
) -> None:
    async with client(echo_app()) as http:
        response = await http.post("/v1/echo", json=NAMED, headers=headers)

    assert response.status_code == 401
    assert problem_name(response) == "unauthenticated"
    assert response.headers["www-authenticate"] == 'Bearer realm="gate"'


@pytest.mark.parametrize(
    "query", [f"?token={AUDITOR}", f"?access_token={AUDITOR}", f"?authorization=Bearer%20{AUDITOR}"]
)
async def test_a28_a_token_in_the_address_is_no_token(query: str) -> None:
    async with client(echo_app()) as http:
        response = await http.get("/v1/echo/x" + query)

    assert response.status_code == 401


async def test_a28_a_token_in_the_address_is_refused_beside_a_valid_one_and_not_repeated() -> None:
    async with client(echo_app(), AUDITOR) as http:
        response = await http.get("/v1/echo/x?token=gate_canary")

    assert (response.status_code, problem_name(response)) == (422, "invalid")
    assert "canary" not in response.text


async def test_two_tokens_in_one_request_are_none() -> None:
    async with client(echo_app()) as http:
        response = await http.get(
            "/v1/echo/x",
            headers=[
                ("Authorization", f"Bearer {AUDITOR}"),
                ("Authorization", f"Bearer {AUDITOR}"),
            ],
        )

    assert response.status_code == 401


async def test_known_but_not_allowed_is_another_answer_that_says_who_may() -> None:
    async with client(echo_app(), PIPELINE) as http:
        response = await http.post("/v1/echo", json=NAMED)

    assert (response.status_code, problem_name(response)) == (403, "not_allowed")
    assert "role pipeline" in problem(response)["detail"]
    assert "role auditor" in problem(response)["detail"]


async def test_nothing_is_read_for_somebody_who_may_not_ask() -> None:
    read: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        for k in range(3):
            read.append(k)
            yield b"x"

    async with client(echo_app()) as http:
        response = await http.post(
            "/v1/echo", content=body(), headers={"Content-Type": "application/json"}
        )

    assert response.status_code == 401
    assert read == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("PUT", "/v1/echo", 405, id="A32 PUT"),
        pytest.param("PATCH", "/v1/echo/x", 405, id="A32 PATCH"),
        pytest.param("OPTIONS", "/v1/echo", 405, id="A32 OPTIONS"),
        pytest.param("TRACE", "/v1/echo", 405, id="A32 TRACE"),
        pytest.param("BREW", "/v1/echo", 405, id="A32 an invented method"),
        pytest.param("GET", "/v1/echo", 405, id="A32 GET of what is only posted"),
        pytest.param("HEAD", "/v1/echo", 405, id="A32 HEAD of what is only posted"),
        pytest.param("POST", "/v1/echo/", 404, id="A32 a slash at the end"),
        pytest.param("POST", "//v1/echo", 404, id="A32 two slashes in front"),
        pytest.param("POST", "/v1//echo", 404, id="A32 two slashes inside"),
        pytest.param("GET", "/v1/echo//stream", 404, id="A32 an empty name"),
        pytest.param("POST", "/V1/echo", 404, id="A32 upper case"),
        pytest.param("POST", "/v1/echo;x=1", 404, id="A32 a path parameter"),
        pytest.param(
            "GET",
            "/v1/echo/x%2Fstream",
            401,
            id="A32 an encoded slash is a slash, with the same permission",
        ),
        pytest.param("GET", "/v1/echo/%78", 401, id="A32 an encoded letter is a letter"),
        pytest.param("HEAD", "/v1/echo/x", 401, id="A32 HEAD asks for what GET asks for"),
    ],
)
async def test_another_spelling_opens_no_other_door(method: str, path: str, status: int) -> None:
    async with client(echo_app()) as http:
        request = httpx.Request(
            method, httpx.URL("https://gate.example.com", raw_path=path.encode())
        )
        response = await http.send(request)

    assert response.status_code == status
    if method != "HEAD":
        problem(response)


async def test_a32_a_method_in_a_header_is_only_a_header() -> None:
    async with client(echo_app(), AUDITOR) as http:
        response = await http.get("/v1/echo/x", headers={"X-HTTP-Method-Override": "DELETE"})

    assert response.status_code == 200


async def test_a_method_that_is_not_taken_hears_which_ones_are() -> None:
    async with client(echo_app()) as http:
        response = await http.put("/v1/echo/x")

    assert response.headers["allow"] == "DELETE, GET, HEAD"


@pytest.mark.parametrize("name", ["a%00b", "a%0Ab", "a%1Bb", "a%C2%85b", "x" * 201])
async def test_what_nothing_can_be_called_is_not_found(name: str) -> None:
    async with client(echo_app(), AUDITOR) as http:
        response = await http.get(f"/v1/echo/{name}")

    assert (response.status_code, problem_name(response)) == (404, "not_found")


@pytest.mark.parametrize(
    ("query", "where"),
    [
        pytest.param("limit=0", "#/limit", id="A45 zero"),
        pytest.param("limit=-1", "#/limit", id="A45 below zero"),
        pytest.param("limit=201", "#/limit", id="A45 over the limit"),
        pytest.param("limit=1e2", "#/limit", id="A45 no number"),
        pytest.param("limit=" + "9" * 5000, "#/limit", id="A45 a huge number"),
        pytest.param("name=", "#/name", id="empty"),
        pytest.param("name=a%00", "#/name", id="A46 a NUL"),
        pytest.param("name=a&name=b", "#/name", id="twice"),
        pytest.param("nmae=a", "#/nmae", id="unknown"),
    ],
)
async def test_a_query_is_as_strict_as_a_body(query: str, where: str) -> None:
    async with client(echo_app(), AUDITOR) as http:
        response = await http.get(f"/v1/echo/x?{query}")

    assert response.status_code == 422
    assert [error["pointer"] for error in problem(response)["errors"]] == [where]
    assert len(response.content) < 1000


async def test_an_unknown_field_is_refused_with_what_was_meant() -> None:
    async with client(echo_app(), AUDITOR) as http:
        response = await http.post("/v1/echo", json={"name": "x", "cuont": 1})

    assert problem(response)["errors"] == [
        {"detail": "unknown field; did you mean count?", "pointer": "#/cuont"}
    ]


@pytest.mark.parametrize("pieces", [1, 700], ids=["A60 announced", "A60 in pieces, unannounced"])
async def test_a_body_that_is_too_large_is_refused_whoever_sends_it(pieces: int) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(pieces):
            yield b"x" * 3000

    content = b"x" * (BODY_BYTES_MAX + 1) if pieces == 1 else chunks()
    async with client(echo_app(), AUDITOR) as http:
        response = await http.post(
            "/v1/echo", content=content, headers={"Content-Type": "application/json"}
        )

    assert (response.status_code, problem_name(response)) == (413, "too_large")
    assert response.headers["connection"] == "close"


async def test_a_body_that_is_announced_as_too_large_is_refused_before_any_token_is_looked_at() -> (
    None
):
    async with client(echo_app()) as http:
        response = await http.post("/v1/echo", content=b"x" * (BODY_BYTES_MAX + 1))

    assert response.status_code == 413


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
)
async def test_a_form_is_no_json(content_type: str) -> None:
    async with client(echo_app(), AUDITOR) as http:
        response = await http.post(
            "/v1/echo", content=b'{"name": "x"}', headers={"Content-Type": content_type}
        )

    assert (response.status_code, problem_name(response)) == (415, "unsupported_media_type")


async def test_a47_an_unplanned_error_shows_an_id_and_nothing_else() -> None:
    with capture_logs() as logs:
        async with client(echo_app()) as http:
            response = await http.delete("/v1/echo/gate_canary")

    assert (response.status_code, problem_name(response)) == (500, "internal_server_error")
    assert "canary" not in response.text
    assert "Traceback" not in response.text
    failures = [entry for entry in logs if entry["log_level"] == "error"]
    assert [entry["request"] for entry in failures] == [response.headers["x-request-id"]]
    assert "canary-in-the-log" in str(logs[0]["exc_info"])


async def test_a_planned_error_is_not_for_the_log() -> None:
    with capture_logs() as logs:
        async with client(echo_app()) as http:
            conflict = await http.delete("/v1/echo/conflict")
            invalid = await http.delete("/v1/echo/invalid")

    assert (conflict.status_code, problem_name(conflict), problem(conflict)["detail"]) == (
        409,
        "consumed",
        "it has moved on",
    )
    assert problem(invalid)["errors"] == [{"detail": "found 1", "pointer": "#/a/b"}]
    assert {entry["log_level"] for entry in logs} == {"info"}


async def test_an_answer_that_breaks_off_is_not_completed() -> None:
    app = echo_app()
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    with capture_logs() as logs:
        headers = [(b"authorization", f"Bearer {AUDITOR}".encode())]
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/v1/echo/broken/stream",
            "query_string": b"",
            "headers": headers,
        }
        await app(scope, receive, send)  # type: ignore[arg-type]  # messages of a server are dictionaries

    assert sent[0]["status"] == 200
    assert all(message["more_body"] for message in sent[1:])
    assert len(logs) == 1


@pytest.mark.parametrize("path", ["/v1/echo/x", "/v1/echo/x/stream"])
async def test_head_has_the_head_of_get_and_no_body(path: str) -> None:
    async with client(echo_app(), AUDITOR) as http:
        get, head = await http.get(path), await http.head(path)

    def same(response: httpx.Response) -> dict[str, str]:
        return {name: value for name, value in response.headers.items() if name != "x-request-id"}

    assert head.content == b""
    assert (head.status_code, same(head)) == (get.status_code, same(get))


async def test_every_answer_says_how_it_may_be_used() -> None:
    async with client(echo_app(), AUDITOR) as http:
        answers = [
            await http.get("/v1/echo/x"),
            await http.get("/nowhere"),
            await http.post("/v1/echo", content=b"{"),
        ]

    for response in answers:
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "server" not in response.headers


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param("0af7651916cd43dd8448eb211c80319c", True, id="hexadecimal"),
        pytest.param("x" * 64, True, id="as long as allowed"),
        pytest.param("x" * 65, False, id="A44 too long"),
        pytest.param("", False, id="A44 empty"),
        pytest.param('"}{"level":"info', False, id="A44 JSON"),
        pytest.param("a b", False, id="A44 a space"),
        pytest.param("a\x1b[31m", False, id="A44 an escape"),
        pytest.param("<script>", False, id="A44 a tag"),
    ],
)
async def test_a_request_keeps_its_callers_id_only_when_that_is_harmless(
    given: str,
    kept: bool,  # noqa: FBT001 - a column
) -> None:
    async with client(echo_app(), AUDITOR) as http:
        response = await http.get("/v1/echo/x", headers={"X-Request-Id": given})

    assert (response.headers["x-request-id"] == given) is kept
    assert 1 <= len(response.headers["x-request-id"]) <= 64


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example.com"},
        {"X-Forwarded-Host": "evil.example.com"},
        {"Forwarded": "host=evil"},
    ],
)
async def test_a40_a_link_names_no_host_that_the_caller_could_choose(
    headers: dict[str, str],
) -> None:
    async with client(echo_app(), AUDITOR) as http:
        response = await http.get("/v1/echo/a b?limit=7&cursor=old", headers=headers)

    assert response.headers["link"] == '</v1/echo/a%20b?limit=7&cursor=next+one>; rel="next"'
    assert json.loads(response.content)["next"] == "next one"


async def test_a61_a_caller_over_its_rate_waits_and_nobody_else_does() -> None:
    async with client(echo_app(rate_limit=5)) as http:
        flood = [
            await http.post("/v1/echo", json=NAMED, headers={"Authorization": f"Bearer {AUDITOR}"})
            for _ in range(7)
        ]
        other = await http.post(
            "/v1/echo", json=NAMED, headers={"Authorization": f"Bearer {PIPELINE}"}
        )

    assert [response.status_code for response in flood] == [200] * 5 + [429] * 2
    assert problem_name(flood[-1]) == "rate_limited"
    assert flood[-1].headers["retry-after"] == "1"
    assert other.status_code == 403
