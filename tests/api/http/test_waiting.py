"""Waiting for somebody who may hang up (F25)."""

import asyncio

import anyio
import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from gate.api.http.waiting import while_connected
from tests.api.served import Served, request

pytestmark = pytest.mark.anyio


class Caller:
    """Somebody on the other end, who hangs up when told to."""

    def __init__(self) -> None:
        self.hangs_up = asyncio.Event()
        self.request = Request({"type": "http"}, self._receive)

    async def _receive(self) -> Message:
        await self.hangs_up.wait()
        return {"type": "http.disconnect"}


async def test_whoever_stays_gets_the_answer() -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    assert await while_connected(Caller().request, work()) == 7


async def test_an_error_of_the_work_is_the_callers() -> None:
    async def work() -> int:
        raise LookupError

    with pytest.raises(LookupError):
        await while_connected(Caller().request, work())


async def test_the_work_is_given_up_when_the_caller_hangs_up() -> None:
    caller, ended = Caller(), asyncio.Event()

    async def work() -> int:
        try:
            caller.hangs_up.set()
            await asyncio.Event().wait()
        finally:
            ended.set()
        return 7

    with pytest.raises(ClientDisconnect):
        await while_connected(caller.request, work())

    async with asyncio.timeout(5):
        await ended.wait()


async def test_who_hangs_up_gives_a_place_among_the_waiters_back(service: Served) -> None:
    token = await service.token(None, person="ada")
    pending = (
        await (await service.pipeline()).post("/v1/changes", json=request(environment="production"))
    ).json()["id"]
    leaves, sent = asyncio.Event(), []

    async def receive() -> Message:
        await leaves.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/v1/changes/{pending}",
        "query_string": b"wait=60",
        "headers": [(b"authorization", f"Bearer {token}".encode())],
    }
    async with asyncio.timeout(20):
        asking = asyncio.create_task(service.app(scope, receive, send))
        while service.gate.waiters.count == 0:
            await anyio.lowlevel.checkpoint()
        leaves.set()
        await asking
        while service.gate.waiters.count:
            await anyio.lowlevel.checkpoint()

    assert sent == []
