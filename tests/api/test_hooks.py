"""Inbound hooks: who is believed, that everything is taken once, and that nothing that was ever
sent is answered with a fault.
"""

import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from gate.api.http.body import BODY_BYTES_MAX, HOOK_BODY_BYTES_MAX
from gate.core.facts import TEXT_LENGTH_MAX
from gate.flow.caller import HookKind, Role
from gate.flow.webhooks import inbox
from gate.worker import HANDLERS, Worker
from tests.api.asgi import problem_name
from tests.api.served import DIGEST, Served, admission, request, served
from tests.flow.webhooks.test_inbox import earlier
from tests.shared_data import shared

pytestmark = pytest.mark.anyio

SECRET = "a secret of PagerDuty"  # noqa: S105 - known to the test alone
SECONDS_MAX = 3.0
"""Generous: a weapon took ten."""

NAMED_MAX = 60
"""Of one payload: a token's entry in the ledger has a limit."""
SERVICE_EVENT = "dev.cdevents.service.{}.0.3.0"


@pytest.fixture
async def service(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Served]:
    """The service on a database of its own, connected to PagerDuty.

    Its worker leaves deliveries to the test, which would not know otherwise when they are done.
    """
    monkeypatch.setattr(Worker, "hooks", _nothing)
    async with served(sqlite_url, tmp_path, pagerduty_webhook_secret=SECRET) as running:
        yield running


async def _nothing(worker: Worker) -> None:
    """A turn in which nothing is to do."""


async def hook(
    service: Served, kind: HookKind = HookKind.CDEVENTS, *services: str
) -> httpx.AsyncClient:
    """Another system, with a token of role `hook` for these services, or for `web`."""
    return service.anybody(await service.token(Role.HOOK, *services, hook=kind))


def cdevent(predicate: str = "deployed", identity: str = "1") -> dict[str, Any]:
    """`web` in staging."""
    now = datetime.now(UTC).isoformat()
    return {
        "context": {
            "specversion": "0.5.1",
            "id": identity,
            "source": "/ci",
            "type": SERVICE_EVENT.format(predicate),
            "timestamp": now,
        },
        "subject": {
            "id": "web",
            "content": {"environment": {"id": "staging"}, "artifactId": f"pkg:oci/web@{DIGEST}"},
        },
    }


def incident(status: str = "triggered", identity: str = "E1") -> bytes:
    """PagerDuty's word about `web`."""
    now = datetime.now(UTC).isoformat()
    data = {
        "id": "P1",
        "type": "incident",
        "status": status,
        "created_at": now,
        "title": "Down",
        "service": {"summary": "Web"},
        "urgency": "high",
    }
    return orjson.dumps(
        {
            "event": {
                "id": identity,
                "event_type": f"incident.{status}",
                "occurred_at": now,
                "data": data,
            }
        }
    )


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """The headers that prove it."""
    return {
        "X-PagerDuty-Signature": f"v1={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
    }


async def deployed(service: Served) -> tuple[httpx.AsyncClient, str]:
    """A pipeline, and its change that is deploying."""
    http = await service.pipeline()
    change: str = (await http.post("/v1/changes", json=request())).json()["id"]
    assert (await http.post(f"/v1/changes/{change}/admission", json=admission())).status_code == 200
    return http, change


# Who is believed


@pytest.mark.parametrize("role", [Role.PIPELINE, Role.AUDITOR, Role.ADMIN])
@pytest.mark.parametrize("source", ["cdevents", "alertmanager"])
async def test_only_a_token_for_hooks_tells(service: Served, role: Role, source: str) -> None:
    http = service.anybody(await service.token(role, *(["web"] if role is Role.PIPELINE else [])))

    assert (await http.post(f"/v1/hooks/{source}", json=cdevent())).status_code == 403
    assert (await service.anybody().post(f"/v1/hooks/{source}", json=cdevent())).status_code == 401


async def test_pagerduty_is_believed_by_its_signature_alone(service: Served) -> None:
    http, body = service.anybody(), incident()

    for headers in (
        {},
        signed(body, "another"),
        signed(body + b" "),
        {"X-PagerDuty-Signature": "v1="},
    ):
        response = await http.post("/v1/hooks/pagerduty", content=body, headers=headers)
        assert (response.status_code, problem_name(response)) == (401, "unauthenticated")
    assert (
        await http.post("/v1/hooks/pagerduty", content=body, headers=signed(body))
    ).status_code == 202


async def test_without_a_secret_pagerduty_is_not_connected(sqlite_url: str, tmp_path: Path) -> None:
    async with served(sqlite_url, tmp_path) as service:
        response = await service.anybody().post(
            "/v1/hooks/pagerduty", content=incident(), headers=signed(incident(), "")
        )

    assert (response.status_code, "GATE_PAGERDUTY_WEBHOOK_SECRET" in response.text) == (404, True)


# What is taken


async def test_a_deployment_closes_its_change_and_a_rollback_fails_it(service: Served) -> None:
    pipeline, change = await deployed(service)
    http = await hook(service)

    answers = [
        await http.post("/v1/hooks/cdevents", json=cdevent(predicate, predicate))
        for predicate in ("deployed", "rolledback")
    ]
    states = []
    for _ in range(2):
        await inbox.work(service.gate, HANDLERS)
        states.append((await pipeline.get(f"/v1/changes/{change}")).json()["closed"]["result"])

    assert [answer.json() for answer in answers] == [{"taken": 1, "known": 0, "ignored": []}] * 2
    assert states[-1] == "rolled_back"


async def test_an_incident_of_pagerduty_is_one_incident_however_often_it_is_sent(
    service: Served,
) -> None:
    http, body = service.anybody(), incident()

    for _ in range(2):
        assert (
            await http.post("/v1/hooks/pagerduty", content=body, headers=signed(body))
        ).status_code == 202
    await inbox.work(service.gate, HANDLERS)

    (found,) = (await (await service.person("ada")).get("/v1/incidents")).json()["items"]
    assert (found["service"], found["source"], found["title"], found["created_by"]) == (
        "web",
        "pagerduty",
        "Down",
        "pagerduty",
    )
    assert found["environment"] is None


async def test_a_group_of_alerts_is_one_incident_however_often_it_is_sent(service: Served) -> None:
    _, change = await deployed(service)
    http = await hook(service, HookKind.ALERTMANAGER)
    labels = {"service": "web", "env": "staging", "severity": "critical", "alertname": "Down"}
    alert = {
        "status": "firing",
        "labels": labels,
        "annotations": {},
        "startsAt": datetime.now(UTC).isoformat(),
        "fingerprint": "1",
    }
    group = {
        "version": "4",
        "groupKey": "{}",
        "status": "firing",
        "alerts": [alert, alert | {"labels": {}}],
    }

    answers = [(await http.post("/v1/hooks/alertmanager", json=group)).json() for _ in range(2)]
    await inbox.work(service.gate, HANDLERS)

    (found,) = (await (await service.person("ada")).get("/v1/incidents")).json()["items"]
    assert [(answer["taken"], answer["known"], len(answer["ignored"])) for answer in answers] == [
        (1, 0, 1),
        (0, 1, 1),
    ]
    assert [(link["change"], link["method"]) for link in found["links"]] == [(change, "window")]


async def test_c17_nobody_takes_the_name_of_what_another_system_will_tell(service: Served) -> None:
    first, second = await hook(service), await hook(service)

    taken = await first.post("/v1/hooks/cdevents", json=cdevent("rolledback", "deployment 7"))
    other = await second.post("/v1/hooks/cdevents", json=cdevent("deployed", "deployment 7"))
    again = await second.post("/v1/hooks/cdevents", json=cdevent("deployed", "deployment 7"))

    assert [one.json()["taken"] for one in (taken, other, again)] == [1, 1, 0]


async def test_b11_an_end_that_waits_ends_no_incident_of_another_service(service: Served) -> None:
    stranger, own = await hook(service), await hook(service, HookKind.CDEVENTS, "status-page")
    later = datetime.now(UTC) + timedelta(minutes=30)

    # The name of the next incident can be guessed, and its end is tried again until it is there.
    early = await stranger.post(
        "/v1/hooks/cdevents", json=trouble("resolved", "web", "e1", at=later)
    )
    began = await own.post("/v1/hooks/cdevents", json=trouble("detected", "status-page", "e2"))
    await inbox.work(service.gate, HANDLERS)
    await service.gate.store.write(earlier, 1)
    await inbox.work(service.gate, HANDLERS)

    assert [one.json()["taken"] for one in (early, began)] == [1, 1]
    assert await troubles(service) == [("status-page", None)]


async def test_b11_nobody_occupies_the_name_of_an_incident_of_another_service(
    service: Served,
) -> None:
    stranger, own = await hook(service), await hook(service, HookKind.CDEVENTS, "status-page")

    await stranger.post("/v1/hooks/cdevents", json=trouble("detected", "web", "e1"))
    await inbox.work(service.gate, HANDLERS)
    began = await own.post("/v1/hooks/cdevents", json=trouble("detected", "status-page", "e2"))
    await inbox.work(service.gate, HANDLERS)

    assert (began.status_code, began.json()) == (202, {"taken": 1, "known": 0, "ignored": []})
    assert sorted(await troubles(service)) == [("status-page", None), ("web", None)]


def trouble(
    predicate: str, about: str, event: str, *, at: datetime | None = None
) -> dict[str, Any]:
    """The incident of the same number, as somebody tells it of a service."""
    return {
        "context": {
            "specversion": "0.5.1",
            "id": event,
            "source": "/desk",
            "type": f"dev.cdevents.incident.{predicate}.0.3.0",
            "timestamp": (at or datetime.now(UTC)).isoformat(),
        },
        "subject": {
            "id": "INC-124",
            "content": {"environment": {"id": "staging"}, "service": {"id": about}},
        },
    }


async def troubles(service: Served) -> list[tuple[str, str | None]]:
    """The service of every incident, and when it ended."""
    found = (await (await service.auditor()).get("/v1/incidents")).json()["items"]
    return [(one["service"], one["resolved_at"]) for one in found]


async def test_a_hook_may_send_more_than_others_and_not_without_end(service: Served) -> None:
    http = await hook(service)
    padded = orjson.dumps(cdevent() | {"customData": "x" * BODY_BYTES_MAX})

    assert (await http.post("/v1/hooks/cdevents", content=padded)).status_code == 202
    assert (
        await http.post("/v1/hooks/cdevents", content=b"x" * (HOOK_BODY_BYTES_MAX + 1))
    ).status_code == 413


WEAPONS = {
    "as many lists as fit": b"[],",
    "as many objects as fit": b'{"a":1},',
    "as many texts as fit": b'"ab",',
}


@pytest.mark.parametrize("unit", [pytest.param(one, id=name) for name, one in WEAPONS.items()])
async def test_a60_what_a_hook_sends_keeps_nobody_waiting(service: Served, unit: bytes) -> None:
    http = await hook(service, HookKind.ALERTMANAGER)
    many = unit * ((HOOK_BODY_BYTES_MAX - NAMED_MAX * 10) // len(unit))
    began = time.process_time()

    answer = await http.post("/v1/hooks/alertmanager", content=alert_of(b"[" + many + b"1]"))

    assert problem_name(answer) == "invalid"
    assert time.process_time() - began < SECONDS_MAX


async def test_a60_what_is_nested_deep_is_no_fault_of_the_gate(service: Served) -> None:
    http = await hook(service, HookKind.ALERTMANAGER)

    answer = await http.post("/v1/hooks/alertmanager", content=alert_of(b"[" * 1000 + b"]" * 1000))

    assert problem_name(answer) == "invalid"


def alert_of(service: bytes) -> bytes:
    """A notification of Alertmanager, whose alert names this service."""
    return b'{"version": "4", "groupKey": "k", "alerts": [{"labels": {"service": %s}}]}' % service


# Everything that was ever sent


def payloads(folder: str) -> list[Path]:
    """Real payloads, and documents about them."""
    return sorted(shared(folder).rglob("*.json"))


def named_in(body: bytes) -> list[str]:
    """Every short text of a payload: whichever of them is its service, the token is for it."""
    found: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for one in value.values():
                walk(one)
        elif isinstance(value, list):
            for one in value:
                walk(one)
        elif isinstance(value, str) and 0 < len(value) <= TEXT_LENGTH_MAX:
            found.add(value)

    walk(orjson.loads(body))
    return sorted(found)[:NAMED_MAX] or ["web"]


@pytest.mark.parametrize("source", ["cdevents", "alertmanager", "pagerduty", "opsgenie"])
@pytest.mark.parametrize("folder", ["cdevents", "alertmanager", "pagerduty", "opsgenie"])
async def test_every_real_payload_is_taken_or_refused_for_a_reason(
    service: Served, source: str, folder: str
) -> None:
    kind = HookKind(source) if source in set(HookKind) else HookKind.CDEVENTS
    for path in payloads(f"payloads/{folder}"):
        body = path.read_bytes()
        http = await hook(service, kind, *named_in(body))
        response = await http.post(
            f"/v1/hooks/{source}",
            content=body,
            headers=signed(body) | {"Content-Type": "application/json"},
        )
        answer = response.json()

        assert response.status_code in {202, 404, 422}, (path, answer)
        assert (
            (answer["taken"] + answer["known"] + len(answer["ignored"]) > 0)
            if response.status_code == 202
            else answer["detail"]
        ), (
            path,
            answer,
        )
        if (
            source == folder
            and "schemas" not in path.parts
            and source in {"cdevents", "alertmanager"}
        ):
            assert response.status_code == 202, (path, answer)


async def test_what_the_standard_calls_a_deployment_or_an_incident_is_worked_on(
    service: Served,
) -> None:
    taken = 0
    for path in payloads("payloads/cdevents"):
        http = await hook(service, HookKind.CDEVENTS, *named_in(path.read_bytes()))
        response = await http.post("/v1/hooks/cdevents", content=path.read_bytes())
        taken += response.json().get("taken", 0)

    worked = await inbox.work(service.gate, HANDLERS)

    assert taken == worked == 7  # their ids repeat, but a name is of its caller
