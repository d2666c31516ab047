"""Issues of improvements over HTTP: who may, what a form may say, and whose webhook counts."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from gate.flow.learning import issues
from gate.storage.tables.schema_hooks import deliveries
from tests.api.served import Served, served
from tests.integrations.fake_jira import URL, FakeJira
from tests.integrations.jira.test_hook import SECRET, moved, signature
from tests.web.trackers import connected, with_issue

pytestmark = pytest.mark.anyio

LINK = f"{URL}/browse/OPS-1"


@pytest.fixture
def jira() -> FakeJira:
    """A Jira in which there is one issue."""
    return with_issue("OPS-1")


@pytest.fixture
async def service(sqlite_url: str, tmp_path: Path, jira: FakeJira) -> AsyncIterator[Served]:
    """A service that is connected to it."""
    joined = connected(jira, jira_webhook_secret=SECRET)
    async with served(sqlite_url, tmp_path, connections=joined) as running:
        yield running


async def begun(service: Served) -> str:
    """An item that release managers answer for."""
    ask = {
        "service": "web",
        "environment": "staging",
        "experiment": "Fewer at once",
        "owner": "release-managers",
        "priority": "planned",
        "figure": "incidents",
        "due_at": (service.gate.clock() + timedelta(days=30)).isoformat(),
    }
    answer = await (await service.person("ada")).post("/v1/improvements", json=ask)
    return str(answer.json()["id"])


async def issue_of(service: Served) -> Any:
    """The issue of the one item."""
    (found,) = (await (await service.person("ada")).get("/v1/improvements")).json()["items"]
    return found["issue"]


async def from_jira(service: Served, payload: Any, **headers: str) -> httpx.Response:
    """A delivery, signed as it should be unless a header says otherwise."""
    body = json.dumps(payload).encode()
    given = {"X-Hub-Signature": signature(body), "X-Atlassian-Webhook-Identifier": "d-1"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return await service.anybody().post("/v1/hooks/jira", content=body, headers=given)


async def kept(service: Served) -> int:
    """How many deliveries were kept."""
    return len(
        await service.gate.store.read(
            lambda conn: conn.execute(select(deliveries.c.kind)).scalars().all()
        )
    )


async def test_who_may_not_write_the_register_opens_no_issue(
    service: Served, jira: FakeJira
) -> None:
    address = f"/v1/improvements/{await begun(service)}/issue"
    others = [await service.pipeline(), await service.auditor(), await service.person("lena")]

    for http in others:
        for ask in ({"tracker": "jira"}, {"link": LINK}):
            assert (await http.post(address, json=ask)).status_code == 403
    assert (await service.anybody().post(address, json={"link": LINK})).status_code == 401

    assert (await issue_of(service), jira.requests) == (None, [])


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param({"link": "javascript:alert(1)"}, id="a script"),
        pytest.param({"link": "http://169.254.169.254/browse/OPS-1"}, id="not private"),
        pytest.param({"link": "https://evil.example/browse/OPS-1"}, id="another host"),
        pytest.param({"link": f"{URL}/browse/OTHER-1"}, id="another project"),
        pytest.param({"tracker": "github"}, id="a tracker that is not configured"),
        pytest.param({"tracker": "https://evil.example"}, id="no tracker"),
        pytest.param({"tracker": "jira", "link": LINK}, id="both"),
        pytest.param({"tracker": "jira", "host": "https://evil.example"}, id="an address beside"),
        pytest.param({}, id="nothing"),
    ],
)
async def test_no_field_of_a_request_leads_elsewhere(
    service: Served, jira: FakeJira, ask: dict[str, str]
) -> None:
    address = f"/v1/improvements/{await begun(service)}/issue"

    refused = await (await service.person("ada")).post(address, json=ask)

    assert refused.status_code == 422
    assert (await issue_of(service), jira.requests) == (None, [])


async def test_a_forged_or_anothers_webhook_changes_nothing(
    service: Served, jira: FakeJira
) -> None:
    address = f"/v1/improvements/{await begun(service)}/issue"
    followed = await (await service.person("ada")).post(address, json={"link": LINK})
    jira.set_category("OPS-1", "done")
    wrong = signature(json.dumps(moved()).encode(), "other")

    forged = await from_jira(service, moved(), X_Hub_Signature=wrong)
    another = await from_jira(service, moved(issue={"id": "2", "key": "OPS-2"}))
    asked = len(jira.requests)
    await issues.look_due(service.gate)

    assert followed.status_code == 201
    assert (forged.status_code, another.json()["taken"]) == (401, 0)
    assert (len(jira.requests), (await issue_of(service))["state"]) == (asked, "open")
    assert await kept(service) == 0


async def test_a_webhook_is_kept_once_and_has_the_issue_read(
    service: Served, jira: FakeJira
) -> None:
    address = f"/v1/improvements/{await begun(service)}/issue"
    await (await service.person("ada")).post(address, json={"link": LINK})
    jira.set_category("OPS-1", "done")

    answers = [(await from_jira(service, moved())).json() for _ in range(2)]

    assert [(one["taken"], one["known"]) for one in answers] == [(1, 0), (0, 1)]
    assert await kept(service) == 1


async def test_without_a_jira_its_hook_is_not_there(sqlite_url: str, tmp_path: Path) -> None:
    async with served(sqlite_url, tmp_path) as running:
        assert (await from_jira(running, moved())).status_code == 404
