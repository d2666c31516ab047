"""The server on a real socket: what a client library would never send (A60, F27)."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn

from gate.api.http import body, protocol
from gate.api.http.body import BODY_BYTES_MAX, BODY_SECONDS_MAX
from gate.api.http.protocol import HEAD_BYTES_MAX, GateProtocol
from tests.api.echo import AUDITOR, echo_app

pytestmark = pytest.mark.anyio
HEAD = (
    f"POST /v1/echo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {AUDITOR}\r\nContent-Type: "
    "application/json\r\n".encode()
)
BODY = b'{"name": "x"}'
WHOLE = HEAD + b"Content-Length: 13\r\n\r\n" + BODY


@asynccontextmanager
async def listening() -> AsyncIterator[int]:
    """The port of a server that runs in this event loop."""
    config = uvicorn.Config(
        echo_app(),
        port=0,
        http=GateProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        await server.shutdown()


async def exchange(port: int, *pieces: bytes) -> bytes:
    """Send these bytes, and read until the server hangs up or has answered once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line[16:])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length: ")
        )
        return head + await reader.readexactly(length)
    finally:
        writer.close()


async def ending(port: int, *pieces: bytes) -> bytes:
    """Send these bytes and no more, and read until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await reader.read()
    finally:
        writer.close()


async def test_a_request_is_answered() -> None:
    async with listening() as port:
        answer = await exchange(port, WHOLE)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b'{"name":"x","by":"token:a"}')
    assert b"server:" not in answer.lower()


async def test_a_request_in_single_bytes_is_answered() -> None:
    async with listening() as port:
        answer = await exchange(port, *(WHOLE[k : k + 1] for k in range(len(WHOLE))))

    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_requests_in_one_piece_are_answered_in_order() -> None:
    async with listening() as port:
        answer = await ending(
            port,
            WHOLE * 2
            + HEAD.replace(b"\r\nHost", b"\r\nConnection: close\r\nHost")
            + b"Content-Length: 2\r\n\r\n{}",
        )

    assert re.findall(rb"HTTP/1\.1 (\d{3})", answer) == [b"200", b"200", b"422"]


@pytest.mark.parametrize(
    ("announced", "pieces"),
    [
        pytest.param(
            b"Content-Length: 5000000\r\n\r\n",
            [b"x" * 5_000_000],
            id="A60 5 MB, announced and sent",
        ),
        pytest.param(b"Content-Length: 100000000\r\n\r\n", [], id="A60 100 MB, announced"),
        pytest.param(
            b"Content-Length: 5000000\r\nExpect: 100-continue\r\n\r\n",
            [],
            id="A60 5 MB, asked for first",
        ),
        pytest.param(
            b"Transfer-Encoding: chunked\r\n\r\n",
            [b"100000\r\n" + b"x" * 0x100000 + b"\r\n", b"1\r\nx\r\n", b"0\r\n\r\n"],
            id="A60 a byte over the limit, in chunks",
        ),
    ],
)
async def test_a_body_that_is_too_large_is_refused_in_words_and_at_once(
    announced: bytes, pieces: list[bytes]
) -> None:
    async with listening() as port, asyncio.timeout(BODY_SECONDS_MAX / 2):
        answer = await exchange(port, HEAD + announced, *pieces)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert str(BODY_BYTES_MAX).encode() in answer
    assert b"connection: close" in answer
    assert b"100 Continue" not in answer


async def test_a_body_that_comes_with_its_head_is_read_without_a_timer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(body, "BODY_SECONDS_MAX", "no number of seconds")
    async with listening() as port:
        answer = await exchange(port, WHOLE)

    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_body_that_never_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BODY_SECONDS_MAX", 0.05)  # the real limit is 30 s
    async with listening() as port:
        answer = await exchange(port, HEAD + b"Content-Length: 13\r\n\r\n" + BODY[:5])

    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([], id="F27 nothing"),
        pytest.param([b"P"], id="F27 one byte"),
        pytest.param([HEAD], id="F27 a head without its end"),
        pytest.param(
            [WHOLE[:-1].replace(AUDITOR.encode(), b"wrong")], id="F27 a body that nobody reads"
        ),
    ],
)
async def test_whoever_does_not_finish_is_hung_up_on(
    monkeypatch: pytest.MonkeyPatch, pieces: list[bytes]
) -> None:
    for phase in protocol.SECONDS:
        monkeypatch.setitem(protocol.SECONDS, phase, 0.05)  # the real limits are 10 s and 35 s
    async with listening() as port, asyncio.timeout(10):
        answer = await ending(port, *pieces)

    assert answer == b"" or answer.startswith(b"HTTP/1.1 401 ")


async def test_a_head_without_end_is_not_collected() -> None:
    async with listening() as port:
        answer = await ending(
            port, b"GET / HTTP/1.1\r\nX: ", *[b"x" * 10_000] * (HEAD_BYTES_MAX // 10_000 + 1)
        )

    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"Content-Length: 13\r\nContent-Length: 14\r\n\r\n", id="two lengths"),
        pytest.param(
            b"Content-Length: 13\r\nTransfer-Encoding: chunked\r\n\r\n", id="a length and chunks"
        ),
        pytest.param(b"Content-Length: -1\r\n\r\n", id="a length below zero"),
        pytest.param(
            b"Content-Length: 9999999999999999999999\r\n\r\n", id="a length beyond numbers"
        ),
        pytest.param(b"X : y\r\n\r\n", id="a space before a colon"),
    ],
)
async def test_a_head_that_two_servers_could_read_differently_is_refused(head: bytes) -> None:
    async with listening() as port:
        answer = await ending(port, HEAD + head + BODY)

    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (b"/v1/./echo", b"404"),
        (b"/v1/echo/x/../..", b"404"),
        (b"//v1/echo", b"404"),
        (b"/v1/%65cho", b"200"),
    ],
)
async def test_a32_a_path_is_taken_as_it_is_sent(path: bytes, status: bytes) -> None:
    async with listening() as port:
        answer = await exchange(port, WHOLE.replace(b"/v1/echo", path))

    assert answer.startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize(
    "text",
    [
        b'{"name": "a", "name": "b"}',
        b'{"name": NaN}',
        b'{"name": "\\ud800"}',
        b"[" * 100_000,
        b'{"name": "\xff"}',
    ],
)
async def test_a60_bent_json_is_told_from_outside(text: bytes) -> None:
    async with listening() as port:
        answer = await exchange(port, HEAD + b"Content-Length: %d\r\n\r\n" % len(text) + text)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"urn:gate:problem:bad_json" in answer
