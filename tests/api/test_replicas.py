"""Two replicas on one PostgreSQL, behind a pooler through which no notification arrives: what is
done at one is soon seen at the other (F19, F26).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import time_machine

from gate.flow.caller import Role
from gate.storage.database.watch import EVERYTHING, Topics
from tests.api.served import Served, request
from tests.attacks.final_once import two_servers
from tests.postgres_proxies import Pooler, between, through

pytestmark = pytest.mark.anyio

SEEN_WITHIN_SECONDS = 30
"""A second in earnest; a busy machine is no fault of the code."""

LONG_SECONDS = 55
"""How long a request waits that nobody wakes."""


@pytest.fixture
def pooled_url(postgres_url: str) -> Iterator[str]:
    place, _, socket = postgres_url.partition("?host=")
    with between(Pooler(socket, place.rpartition("/")[2], connections=6)) as port:
        yield through(postgres_url, port)


@asynccontextmanager
async def pair(url: str, folder: Path) -> AsyncIterator[tuple[Served, Served]]:
    async with two_servers(url, folder) as servers:
        yield servers


async def until(look: Callable[[], Awaitable[bool]]) -> None:
    """Look again and again until it is so."""
    async with asyncio.timeout(SEEN_WITHIN_SECONDS):
        while not await look():  # noqa: ASYNC110 - nothing says when the other replica knows
            await asyncio.sleep(0.05)


async def test_f19_what_is_done_at_one_replica_is_seen_at_the_other(
    pooled_url: str, tmp_path: Path
) -> None:
    async with pair(pooled_url, tmp_path) as (one, other):
        token = await one.token(Role.PIPELINE, "web")
        here, there = one.anybody(token), other.anybody(token)
        ada, ben, chloe = [await one.person(who) for who in ("ada", "ben", "chloe")]

        # A decision and its approvals, at once.
        change = (await here.post("/v1/changes", json=request(environment="production"))).json()
        path = f"/v1/changes/{change['id']}"
        assert (await there.get(path)).json()["state"] == "pending"
        shown = {"subject_digest": change["subject_digest"], "comment": "looked at it"}
        for person in (ada, ben):
            assert (await person.post(f"{path}/approvals", json=shown)).status_code == 200
        assert (await there.get(path)).json()["state"] == "approved"

        # A freeze.
        ask = {"reason": "Year-end closing", "stop": True}
        assert (await chloe.post("/v1/freezes", json=ask)).status_code == 201

        async def is_held() -> bool:
            return (await there.get(path)).json()["hold"] is not None

        await until(is_held)

        # A token.
        assert (await there.get(path)).status_code == 200
        admin = await one.admin()
        number = token.removeprefix("gate_").partition("_")[0]
        assert (await admin.delete(f"/v1/tokens/{number}")).status_code == 204

        async def is_refused() -> bool:
            return (await there.get(path)).status_code == 401

        await until(is_refused)


async def test_f19_whoever_waits_at_one_replica_is_woken_by_what_another_does(
    pooled_url: str, tmp_path: Path
) -> None:
    async with pair(pooled_url, tmp_path) as (one, other):
        token = await one.token(Role.PIPELINE, "web")
        here, there = one.anybody(token), other.anybody(token)
        heard: asyncio.Queue[Topics] = asyncio.Queue()
        other.gate.store.on_change(heard.put_nowait)
        change = (await here.post("/v1/changes", json=request(environment="production"))).json()
        path = f"/v1/changes/{change['id']}"
        async with asyncio.timeout(SEEN_WITHIN_SECONDS):
            waiting = asyncio.create_task(there.get(path, params={"wait": str(LONG_SECONDS)}))
            while not other.gate.waiters.count:  # noqa: ASYNC110 - a request under way
                await asyncio.sleep(0)
            assert (await here.post(f"{path}/cancellation", json={})).status_code == 200

            assert (await waiting).json()["state"] == "canceled"
            while True:
                topics = await heard.get()
                if topics & (EVERYTHING | {change["id"]}):
                    break


async def test_f19_policies_activated_at_one_replica_decide_at_the_other(
    pooled_url: str, tmp_path: Path
) -> None:
    async with pair(pooled_url, tmp_path) as (one, other):
        there = other.anybody(await one.token(Role.PIPELINE, "web"))
        before = (await there.post("/v1/changes", json=request("1"))).json()
        folder = tmp_path / "never-frozen"
        files = {file.name: file.read_text() for file in folder.glob("*.yaml")}
        files["default.yaml"] = files["default.yaml"].replace("valid_for: 4h", "valid_for: 3h", 1)
        ada, ben = [await one.signed_in(who, Role.ADMIN) for who in ("ada", "ben")]
        made = (await ada.post("/v1/policies", json={"files": files})).json()
        activation = f"/v1/policies/{made['revision']}/activation"
        assert (await ben.post(activation, json={"comment": "looked at it"})).status_code == 200
        runs = iter(range(2, 1_000))

        async def is_decided_anew() -> bool:
            asked: httpx.Response = await there.post("/v1/changes", json=request(str(next(runs))))
            policy: dict[str, Any] = asked.json()["policy"]
            return bool(policy["revision"] != before["policy"]["revision"])

        await until(is_decided_anew)


async def test_f22_a_replica_whose_clock_is_off_answers_by_the_databases(
    postgres_url: str, tmp_path: Path
) -> None:
    async with pair(postgres_url, tmp_path) as (one, other):
        token = await one.token(Role.PIPELINE, "web")
        here, there = one.anybody(token), other.anybody(token)
        change = (await here.post("/v1/changes", json=request())).json()
        until_then = datetime.fromisoformat(change["valid_until"])
        for minutes in (5, -5):
            with time_machine.travel(datetime.now().astimezone() + timedelta(minutes=minutes)):
                await other.app.state.attached.gate.store.now()
                made = (await there.post("/v1/changes", json=request(f"off-{minutes}"))).json()
                read = (await there.get(f"/v1/changes/{change['id']}")).json()

            assert (made["state"], read["state"]) == ("approved", "approved")
            assert abs(datetime.fromisoformat(made["valid_until"]) - until_then) < timedelta(
                hours=1
            )
