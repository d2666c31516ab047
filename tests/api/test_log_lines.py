"""Each request that may change something has one line in the log, with the ids to look it up by and
without a secret or a name.
"""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from gate.flow.caller import Role
from gate.storage.store import Store
from tests.api.asgi import BASE_URL
from tests.api.served import Served, request

pytestmark = pytest.mark.anyio

LARGE = {"diff": {"lines_added": 5_000, "lines_deleted": 0, "files_changed": 1}}
IDS = {"event", "log_level", "request", "method", "route", "status", "seconds"}


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    """What was logged, as it is written."""
    with capture_logs([merge_contextvars]) as logged:
        yield logged


async def test_a_decision_and_an_approval_carry_request_and_change(
    service: Served, lines: list[Any]
) -> None:
    http, chloe = await service.pipeline(), await service.signed_in("chloe")
    asked = await http.post("/v1/changes", json=request(environment="production", facts=LARGE))
    change = asked.json()
    said = await chloe.post(
        f"/v1/changes/{change['id']}/approvals", json={"subject_digest": change["subject_digest"]}
    )
    await http.get(f"/v1/changes/{change['id']}")  # who looks leaves no line

    decided, approved = answered(lines)
    assert said.is_success, said.text
    assert set(decided) == {*IDS, "by", "change", "outcome"}
    assert (decided["event"], decided["change"], decided["status"], decided["outcome"]) == (
        "answered",
        change["id"],
        201,
        "pending",
    )
    assert decided["request"] == asked.headers["x-request-id"]
    assert (approved["change"], approved["request"], approved["route"]) == (
        change["id"],
        said.headers["x-request-id"],
        "/v1/changes/{change_id}/approvals",
    )
    assert approved["by"] == f"person:{await service.person_id('chloe')}"


async def test_a_refused_hook_and_a_refused_caller_have_their_problem(
    service: Served, lines: list[Any]
) -> None:
    pipeline = await service.pipeline()
    hook = await pipeline.post("/v1/hooks/alertmanager", json={})
    unsigned = await service.anybody().post("/v1/hooks/pagerduty", json={})

    assert [(line["route"], line["status"], line["problem"]) for line in answered(lines)] == [
        ("/v1/hooks/alertmanager", 403, "not_allowed"),
        ("/v1/hooks/pagerduty", unsigned.status_code, unsigned.json()["type"].split(":")[-1]),
    ]
    assert [line["request"] for line in answered(lines)] == [
        hook.headers["x-request-id"],
        unsigned.headers["x-request-id"],
    ]


async def test_an_error_has_its_cause_and_its_answer_under_one_id_whoever_asked(
    service: Served, lines: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await service.token(Role.AUDITOR)
    http = httpx.AsyncClient(  # a 500 is not documented, and the other clients look for that
        transport=httpx.ASGITransport(service.app, raise_app_exceptions=False),
        base_url=BASE_URL,
        headers={"Authorization": f"Bearer {token}"},
    )

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(Store, "read", broken)  # only a fault of our own makes a 500
        answer = await http.get("/v1/changes/chg_01m8jftxp8as1j8n367zt554q3")

    assert answer.status_code == 500
    its_own = [line for line in lines if line.get("request") == answer.headers["x-request-id"]]
    assert [line["event"] for line in its_own] == ["request failed", "answered"]


async def test_what_a_caller_types_into_the_address_or_a_header_is_not_logged(
    service: Served, lines: list[Any]
) -> None:
    token = await service.token(Role.PIPELINE, "web")
    http = service.anybody(token)
    await http.post(f"/v1/changes/{token}/cancellation", json={"comment": "canary"})
    await http.post(f"/v1/changes?token={token}", json=request(title="canary"))
    await http.post("/canary", json={}, headers={"X-Request-Id": "gate_canary"})

    said = json.dumps(lines)
    assert len(answered(lines)) == 3
    assert token not in said
    assert "canary" not in said
    assert "kofi" not in said


async def test_ids_of_one_request_are_not_those_of_the_next(
    service: Served, lines: list[Any]
) -> None:
    http = await service.pipeline()
    change = (await http.post("/v1/changes", json=request())).json()["id"]
    await http.post("/v1/changes", json={})

    first, second = answered(lines)
    assert first["change"] == change
    assert not {"change", "outcome"} & set(second)


def answered(lines: list[Any]) -> list[Any]:
    """The lines of requests; what the loops of the server say meanwhile is left out."""
    return [line for line in lines if line["event"] == "answered"]
