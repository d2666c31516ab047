"""Hooks of code hosts over HTTP: proved first, kept once, answered at once; nothing that is sent is
an error of ours (A48, A49).
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from gate.storage.tables.schema_hooks import deliveries
from tests.api.served import Served, served
from tests.builders import commit_of
from tests.integrations.github.test_hook import SECRET, held, signature
from tests.shared_data import shared

pytestmark = pytest.mark.anyio


@pytest.fixture
async def service(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    """A service that knows the secret of GitHub's webhook."""
    async with served(sqlite_url, tmp_path, github_webhook_secret=SECRET) as running:
        yield running


async def from_github(
    service: Served, payload: Any, event: str = "deployment_protection_rule", **headers: str
) -> httpx.Response:
    """A delivery, signed as it should be unless a header says otherwise."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    given = {
        "X-Hub-Signature-256": signature(body),
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": "d-1",
        "Content-Type": "application/json",
    }
    sent = {**given, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await service.anybody().post("/v1/hooks/github", content=body, headers=sent)


async def kept(service: Served) -> list[str]:
    """The kinds of what was kept."""
    return list(
        await service.gate.store.read(
            lambda conn: conn.execute(select(deliveries.c.kind)).scalars().all()
        )
    )


async def test_a48_a_forged_delivery_is_refused_and_not_kept(service: Served) -> None:
    answer = await from_github(service, held(), X_Hub_Signature_256="sha256=" + "0" * 64)

    assert answer.status_code == 401
    assert await kept(service) == []


async def test_a49_a_delivery_is_kept_once_however_often_it_comes(service: Served) -> None:
    answers = [(await from_github(service, held())).json() for _ in range(2)]

    assert answers == [
        {"taken": 1, "known": 0, "ignored": []},
        {"taken": 0, "known": 1, "ignored": []},
    ]
    assert await kept(service) == ["run_held"]


async def test_what_nobody_waits_for_is_answered_and_not_kept(service: Served) -> None:
    moved = {"check_run": {"head_sha": commit_of("b")}, "repository": {"id": 1001}}

    assert (await from_github(service, moved, "check_run")).json() == {
        "taken": 0,
        "known": 0,
        "ignored": ["no change of this commit waits"],
    }
    assert (await from_github(service, {}, "ping")).status_code == 202
    assert await kept(service) == []


async def test_a_large_delivery_is_taken(service: Served) -> None:
    assert (await from_github(service, held(padding="x" * 2_000_000))).status_code == 202


async def test_a_header_that_stands_twice_is_none(service: Served) -> None:
    body = json.dumps(held()).encode()
    twice = [
        ("X-Hub-Signature-256", signature(body)),
        ("X-Hub-Signature-256", "sha256=0"),
        ("X-GitHub-Event", "ping"),
        ("X-GitHub-Delivery", "d"),
    ]

    assert (
        await service.anybody().post("/v1/hooks/github", content=body, headers=twice)
    ).status_code == 401


@pytest.mark.parametrize("host", ["github", "gitlab"])
async def test_a_host_that_is_not_connected_is_told_so(
    sqlite_url: str, tmp_path: Path, host: str
) -> None:
    async with served(sqlite_url, tmp_path) as plain:
        assert (await plain.anybody().post(f"/v1/hooks/{host}", content=b"{}")).status_code == 404


async def test_every_real_payload_is_answered(service: Served) -> None:
    files = sorted(shared("payloads/github-webhooks").rglob("*.json"))

    found = [
        (
            await from_github(
                service, file.read_bytes(), file.parent.name, X_GitHub_Delivery=f"d-{number}"
            )
        ).status_code
        for number, file in enumerate(files)
    ]

    assert set(found) == {202, 422}
    assert found.count(422) == 2


async def test_gitlab_is_taken_with_its_token_alone(sqlite_url: str, tmp_path: Path) -> None:
    moved = {
        "object_kind": "build",
        "build_status": "success",
        "sha": commit_of("b"),
        "project_id": 20,
    }
    async with served(sqlite_url, tmp_path, gitlab_webhook_token="secret") as running:  # noqa: S106 - of this test
        http = running.anybody()
        assert (await http.post("/v1/hooks/gitlab", json=moved)).status_code == 401
        answer = await http.post(
            "/v1/hooks/gitlab",
            json=moved,
            headers={"X-Gitlab-Token": "secret", "Idempotency-Key": "k"},
        )

    assert (answer.status_code, answer.json()["ignored"]) == (
        202,
        ["no change of this commit waits"],
    )
