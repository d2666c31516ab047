"""Who was refused at the door stands in the ledger, once a minute; what nobody can be named for is
only counted.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from gate.flow.caller import Role
from gate.ledger.format import read_entry
from gate.storage.tables import schema, schema_people
from tests.api.pipelines import ask, pipelines
from tests.api.served import Served, request

pytestmark = pytest.mark.anyio

APPROVALS = "POST /v1/changes/{change_id}/approvals"
REVIEW = {"subject_digest": "0" * 64}


async def refusals(service: Served) -> list[tuple[str | None, Mapping[str, Any]]]:
    """Of the ledger, oldest first: of which change, and what it says."""
    query = (
        select(schema.ledger_entries.c.body)
        .where(schema.ledger_entries.c.kind == "refusal")
        .order_by(schema.ledger_entries.c.id)
    )
    bodies = await service.gate.store.read(lambda conn: list(conn.execute(query).scalars()))
    return [
        (entry.change, dict(entry.fields)) for entry in (read_entry(bytes(body)) for body in bodies)
    ]


def entry_fields(by: str, operation: str, problem: str) -> dict[str, str]:
    """What an entry says."""
    return {"by": by, "operation": operation, "problem": problem}


async def test_a_machine_that_tries_to_approve_is_on_record_once_however_often_it_tries(
    service: Served,
) -> None:
    token = await service.token(Role.PIPELINE, "web")
    http = service.anybody(token)
    change = (await http.post("/v1/changes", json=request())).json()["id"]

    answers = [await http.post(f"/v1/changes/{change}/approvals", json=REVIEW) for _ in range(20)]

    assert {answer.status_code for answer in answers} == {403}
    assert await refusals(service) == [
        (change, entry_fields(f"token:{token.split('_')[1]}", APPROVALS, "not_allowed"))
    ]


@pytest.mark.parametrize("wrong", ["revoked", "expired", "another secret"])
async def test_a_token_that_is_known_and_no_good_is_on_record(service: Served, wrong: str) -> None:
    admin = await service.admin()
    made = (await admin.post("/v1/tokens", json={"role": "auditor"})).json()
    token = made["token"]
    if wrong == "revoked":
        await admin.delete(f"/v1/tokens/{made['id']}")
    elif wrong == "expired":
        await service.gate.store.write(
            lambda tx: (
                tx.conn.execute(
                    update(schema_people.tokens).values(expires_at=datetime(2020, 1, 1, tzinfo=UTC))
                ).rowcount
            )
        )
    else:
        token = token[:-3] + "".join("A" if letter != "A" else "B" for letter in token[-3:])

    response = await service.anybody(token).get("/v1/log")

    assert response.status_code == 401
    assert await refusals(service) == [
        (None, entry_fields(f"token:{made['id']}", "GET /v1/log", "unauthenticated"))
    ]


async def test_noise_of_nobody_is_counted_and_leaves_no_entry(service: Served) -> None:
    for bearer in (None, "x", "gate_0000000000_" + "A" * 43, "gatec_x_y", "a.b.c", "eyJ.eyJ.x"):
        assert (await service.anybody(bearer).get("/v1/log")).status_code == 401

    metrics = (await (await service.auditor()).get("/metrics")).text
    assert await refusals(service) == []
    assert 'gate_refusals_total{problem="unauthenticated"} 6.0' in metrics


async def test_what_a_route_refuses_is_on_record_too(service: Served) -> None:
    token = await service.token(Role.PIPELINE, "web")

    await service.anybody(token).post("/v1/changes", json=request(service="checkout"))

    assert await refusals(service) == [
        (None, entry_fields(f"token:{token.split('_')[1]}", "POST /v1/changes", "not_allowed"))
    ]


async def test_what_the_flow_has_recorded_is_not_recorded_twice(service: Served) -> None:
    change = (await (await service.pipeline()).post("/v1/changes", json=request(facts={}))).json()[
        "id"
    ]

    answer: httpx.Response = await (await service.signed_in("kofi")).post(
        f"/v1/changes/{change}/approvals", json=REVIEW
    )

    assert answer.status_code in {403, 409}
    assert [by["operation"] for _, by in await refusals(service)] == ["approval"]


async def test_a_contradiction_and_a_replay_of_an_identity_token_are_on_record(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with pipelines(sqlite_url, tmp_path) as world:
        token = world.github.github()
        first = await world.submit(token)
        replayed = await world.submit(token, ask(environment="production"))
        contradicted = await world.submit(world.github.github(), ask(commit="b" * 40))
        unlisted = await world.submit(world.github.github(repository_id="4711"))

        assert [one.status_code for one in (first, replayed, contradicted, unlisted)] == [
            201,
            401,
            403,
            403,
        ]
        by = f"repository:{world.github.url}/1003"
        assert [entry for _, entry in await refusals(world.service)] == [
            entry_fields(by, "POST /v1/changes", "unauthenticated"),
            entry_fields(by, "POST /v1/changes", "identity_mismatch"),
            entry_fields(f"issuer:{world.github.url}", "POST /v1/changes", "identity_mismatch"),
        ]
