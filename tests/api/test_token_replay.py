"""A token is good for the first change it was used for, on every server, and for nothing else
(A24).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, func, select

from gate.storage.database.rows import TokenUseRow
from gate.storage.identity import token_uses
from gate.storage.tables import schema_work
from gate.worker import Worker
from tests.api.asgi import problem_name
from tests.api.pipelines import Pipelines, ask, pipelines, replica, status_page
from tests.identity_provider import COMMIT

pytestmark = pytest.mark.anyio
RACES = 20


@asynccontextmanager
async def two(url: str, folder: Path) -> AsyncIterator[tuple[Pipelines, Pipelines]]:
    """Two servers on one database."""
    async with pipelines(url, folder) as first, replica(first, url, folder) as second:
        yield first, second


def step(name: str, **fields: Any) -> dict[str, Any]:
    """Another change of the same run."""
    return ask(run={"id": "9001", "step": name}, **fields)


async def test_a24_a_token_that_was_used_submits_nothing_else_on_any_server(
    database_url: str, tmp_path: Path
) -> None:
    async with two(database_url, tmp_path) as (first, second):
        token = first.github.github()
        used = await first.submit(token)

        replayed = [
            await second.submit(token, step("eu")),
            await second.submit(token, ask(service="search")),
            await first.submit(token, ask(environment="testing")),
            await second.submit(token, step("eu"), key="k"),
        ]

        assert used.status_code == 201
        assert [problem_name(response) for response in replayed] == ["unauthenticated"] * 4
        assert await first.changes() == 1
        assert (await second.submit(first.github.github(), step("eu"))).status_code == 201


async def test_a24_for_its_own_change_a_token_is_taken_again(
    database_url: str, tmp_path: Path
) -> None:
    async with two(database_url, tmp_path) as (first, second):
        token = first.github.github()
        change = (await first.submit(token)).json()
        path, body = (
            f"/v1/changes/{change['id']}",
            {"commit": COMMIT, "environment": "staging", "run": {"id": "9001"}},
        )

        again = await second.submit(token)
        admitted = await second.post(f"{path}/admission", token, body)
        closed = await first.post(f"{path}/closure", token, {"result": "successful"})

        assert (again.status_code, again.json()["id"]) == (200, change["id"])
        assert [admitted.status_code, closed.status_code] == [200, 200]


async def test_a24_of_two_servers_that_hear_one_token_at_once_one_is_told_yes(
    database_url: str, tmp_path: Path
) -> None:
    async with two(database_url, tmp_path) as (first, second):
        for k in range(RACES):
            token = first.github.github(run_id=f"race-{k}")
            bodies = [ask(run={"id": f"race-{k}", "step": name}) for name in ("a", "b", "c", "d")]

            answers = await asyncio.gather(
                *(one.submit(token, body) for one in (first, second) for body in bodies)
            )

            accepted = {response.json()["id"] for response in answers if response.status_code < 300}
            assert len(accepted) == 1
            assert {response.status_code for response in answers} <= {200, 201, 401}
        assert await first.changes() == RACES


async def test_a24_a_token_that_was_used_admits_closes_and_cancels_nothing_else(
    world: Pipelines,
) -> None:
    used = world.github.github()
    assert (await world.submit(used)).status_code == 201
    other = (await world.submit(world.github.github(), step("eu"))).json()
    path = f"/v1/changes/{other['id']}"
    admission = {"commit": COMMIT, "environment": "staging", "run": {"id": "9001", "step": "eu"}}

    refused = [
        await world.post(f"{path}/admission", used, admission),
        await world.post(f"{path}/cancellation", used, {}),
        await world.post(f"{path}/closure", used, {"result": "rolled_back"}),
        await world.submit(used, step("eu")),
    ]

    assert [problem_name(response) for response in refused] == ["unauthenticated"] * 4
    now = (await world.service.anybody(world.github.github()).get(path)).json()
    assert (now["state"], now["decision"]["number"]) == ("approved", 1)


@pytest.mark.parametrize("act", ["admission", "closure", "cancellation"])
async def test_a24_every_act_that_succeeds_binds_the_token(world: Pipelines, act: str) -> None:
    change = (await world.submit(world.github.github())).json()
    fresh = world.github.github()
    bodies: dict[str, dict[str, Any]] = {
        "admission": {"commit": COMMIT, "environment": "staging", "run": {"id": "9001"}},
        "closure": {"result": "successful"},
        "cancellation": {},
    }

    done = await world.post(f"/v1/changes/{change['id']}/{act}", fresh, bodies[act])

    assert done.status_code == 200, done.text
    assert problem_name(await world.submit(fresh, step("eu"))) == "unauthenticated"


async def test_a24_what_does_not_succeed_binds_nothing(world: Pipelines) -> None:
    token = world.github.github()
    pending = (await world.submit(world.github.github(), ask(environment="production"))).json()
    http = world.service.anybody(token)
    assert pending["state"] == "pending"
    admission = {"commit": COMMIT, "environment": "production", "run": {"id": "9001"}}

    answers: list[httpx.Response] = [
        await world.evaluate(token),
        await http.get(f"/v1/changes/{pending['id']}"),
        await http.get("/v1/services/web/environments/staging"),
        await world.submit(token, ask(commit="d" * 40)),
        await world.submit(token, ask(planned={"start": "2026-11-23"})),
        await world.post(f"/v1/changes/{pending['id']}/admission", token, admission),
    ]

    assert [response.status_code for response in answers] == [200, 200, 200, 403, 422, 409]
    assert (await world.submit(token)).status_code == 201


async def test_a24_an_answer_that_is_replayed_is_for_its_own_token(world: Pipelines) -> None:
    # The token of the change ends with the one that earned it, so all of these end together.
    ends = int(time()) + 300
    earned, used, fresh = (world.github.github(exp=ends) for _ in range(3))
    first = await world.submit(earned, key="k")
    assert (await world.submit(used, step("eu"))).status_code == 201

    stolen = await world.submit(used, key="k")
    other_body = await world.submit(fresh, step("us"), key="k")
    replayed = await world.submit(fresh, key="k")

    assert problem_name(stolen) == "unauthenticated"
    assert problem_name(other_body) == "key_reused"
    assert replayed.headers["Idempotent-Replayed"] == "true"
    assert replayed.content == first.content
    assert problem_name(await world.submit(fresh, step("us"))) == "unauthenticated"


async def test_a24_a_run_that_begins_anew_binds_its_token_to_the_new_change(
    world: Pipelines,
) -> None:
    first = (await world.submit(world.github.github())).json()
    admission = {"commit": COMMIT, "environment": "staging", "run": {"id": "9001"}}
    assert (
        await world.post(f"/v1/changes/{first['id']}/admission", world.github.github(), admission)
    ).status_code == 200
    used = world.github.github(run_attempt="2")
    assert (await world.submit(used, step("eu"))).status_code == 201

    stolen = await world.submit(used)
    token = world.github.github(run_attempt="2")
    anew = await world.submit(token)

    assert problem_name(stolen) == "unauthenticated"
    assert (anew.status_code, anew.json()["id"] == first["id"]) == (201, False)
    assert problem_name(await world.submit(token, step("eu"))) == "unauthenticated"
    http = world.service.anybody(world.github.github())
    assert (await http.get(f"/v1/changes/{first['id']}")).json()[
        "state"
    ] == "closed"  # by the attempt that may, not by the stolen token


async def test_a24_a_stolen_token_ends_no_deployment(world: Pipelines) -> None:
    first = (await world.submit(world.github.github())).json()
    admission = {"commit": COMMIT, "environment": "staging", "run": {"id": "9001"}}
    assert (
        await world.post(f"/v1/changes/{first['id']}/admission", world.github.github(), admission)
    ).status_code == 200
    used = world.github.github(run_attempt="2")
    assert (await world.submit(used, step("eu"))).status_code == 201

    assert problem_name(await world.submit(used)) == "unauthenticated"

    http = world.service.anybody(world.github.github())
    assert (await http.get(f"/v1/changes/{first['id']}")).json()["state"] == "deploying"


async def test_a24_a_stolen_token_has_nothing_decided_again(world: Pipelines) -> None:
    waiting = (await world.submit(world.github.github(), ask(environment="production"))).json()
    used = world.github.github()
    assert (await world.submit(used, step("eu"))).status_code == 201
    larger = ask(environment="production", facts={"diff": {"lines_added": 5_000}})

    assert problem_name(await world.submit(used, larger)) == "unauthenticated"

    http = world.service.anybody(world.github.github())
    assert (await http.get(f"/v1/changes/{waiting['id']}")).json()["decision"]["number"] == 1
    assert (await world.submit(world.github.github(), larger)).json()["decision"]["number"] == 2


async def test_a24_a_token_of_gitlab_is_good_for_its_job(world: Pipelines) -> None:
    token = world.gitlab.gitlab()
    steps = [status_page(run={"id": "574", "step": name}) for name in ("eu", "us")]

    answers = [await world.submit(token, body) for body in steps]
    stolen = await world.submit(
        world.gitlab.gitlab(jti="known", job_id="1"), status_page(run={"id": "574", "step": "x"})
    )
    other_job = await world.submit(
        world.gitlab.gitlab(jti="known", job_id="2"), status_page(run={"id": "574", "step": "y"})
    )

    assert [response.status_code for response in (*answers, stolen)] == [201, 201, 201]
    assert problem_name(other_job) == "unauthenticated"


async def test_two_issuers_may_give_out_the_same_id(world: Pipelines) -> None:
    one = await world.submit(world.github.github(jti="same"))
    other = await world.submit(world.gitlab.gitlab(jti="same"), status_page())

    assert [one.status_code, other.status_code] == [201, 201]


async def test_an_idempotency_key_is_the_repositorys(world: Pipelines) -> None:
    answers = [
        await world.submit(world.github.github(), key="k"),
        await world.submit(world.gitlab.gitlab(), status_page(), key="k"),
    ]

    assert [response.status_code for response in answers] == [201, 201]


async def test_what_nobody_takes_any_more_is_forgotten(world: Pipelines) -> None:
    store, now = world.service.gate.store, datetime.now(UTC)
    assert (await world.submit(world.github.github())).status_code == 201
    long_ago = round((now - timedelta(minutes=1)).timestamp() * 1_000_000)
    assert await store.write(
        token_uses.bind, TokenUseRow(world.github.url, "old", "chg_1", long_ago)
    )

    await Worker(
        world.service.gate, world.service.app.state.attached.access, Path("nowhere")
    ).tidy()

    assert await store.read(_uses) == 1


def _uses(conn: Connection) -> int:
    return conn.execute(select(func.count()).select_from(schema_work.token_uses)).scalar_one()
