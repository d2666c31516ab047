"""`/v1/changes` over HTTP: forbidden callers first, then the life of a change."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from gate.api.http.body import BODY_BYTES_MAX
from gate.api.models.change import AdmissionRequest, ChangeRequest
from gate.flow.answers.reasons import ITEMS_SHOWN_MAX
from gate.flow.caller import Role
from tests.api.asgi import BASE_URL, problem, problem_name
from tests.api.served import COMMIT, Served, admission, request, served

pytestmark = pytest.mark.anyio
NOBODYS = "chg_" + "0" * 26


@pytest.fixture
async def anywhere(database_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    """The service on a database of its own, once on each kind."""
    async with served(database_url, tmp_path) as running:
        yield running


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMIN, Role.HOOK])
async def test_only_a_pipeline_submits(service: Served, role: Role) -> None:
    http = service.anybody(await service.token(role))

    assert problem_name(await http.post("/v1/changes", json=request())) == "not_allowed"


async def test_a_person_does_not_submit(service: Served) -> None:
    assert (
        problem_name(await (await service.person("ada")).post("/v1/changes", json=request()))
        == "not_allowed"
    )


async def test_a_pipeline_does_not_submit_for_a_service_of_others(service: Served) -> None:
    response = await (await service.pipeline("search")).post("/v1/changes", json=request())

    assert (response.status_code, problem_name(response)) == (403, "not_allowed")


async def test_a31_a_pipeline_sees_no_change_of_another_service(service: Served) -> None:
    own, other = await service.pipeline("web"), await service.pipeline("search")
    change = (await own.post("/v1/changes", json=request())).json()["id"]

    answers = [
        await other.get(f"/v1/changes/{change}"),
        await other.get(f"/v1/changes/{change}/decisions"),
        await other.post(f"/v1/changes/{change}/admission", json=admission()),
        await other.post(f"/v1/changes/{change}/closure", json={"result": "successful"}),
        await other.post(f"/v1/changes/{change}/cancellation", json={}),
    ]
    missing = await other.get(f"/v1/changes/{NOBODYS}")

    assert [response.status_code for response in answers] == [404] * 5
    assert {problem(response)["detail"].replace(change, NOBODYS) for response in answers} == {
        problem(missing)["detail"]
    }
    assert (await other.get("/v1/changes")).json() == {"items": [], "next": None}
    assert [item["id"] for item in (await own.get("/v1/changes")).json()["items"]] == [change]


async def test_a31_the_token_of_one_change_opens_no_other(service: Served) -> None:
    own = await service.pipeline("web")
    one = (await own.post("/v1/changes", json=request("1"))).json()
    other = (await own.post("/v1/changes", json=request("2"))).json()
    holder = service.anybody(one["change_token"])

    assert (await holder.get(f"/v1/changes/{one['id']}")).status_code == 200
    for response in (
        await holder.get(f"/v1/changes/{other['id']}"),
        await holder.post(f"/v1/changes/{other['id']}/admission", json=admission("2")),
        await holder.post(f"/v1/changes/{other['id']}/cancellation"),
    ):
        assert response.status_code == 404
    for response in (
        await holder.get("/v1/changes"),
        await holder.post("/v1/changes", json=request("3")),
        await holder.post("/v1/evaluations", json=request("3")),
        await holder.get("/v1/services/web/environments/staging"),
    ):
        assert response.status_code == 403


@pytest.mark.parametrize("cut", [-1, -10, len("gatec_") + 3])
async def test_a28_a_changed_token_of_a_change_is_nobodys(service: Served, cut: int) -> None:
    change = (await (await service.pipeline()).post("/v1/changes", json=request())).json()
    token = change["change_token"]
    bent = token[:cut] + ("A" if token[cut] != "A" else "B") + token[cut:][1:]

    assert (await service.anybody(bent).get(f"/v1/changes/{change['id']}")).status_code == 401


async def test_the_life_of_a_change(anywhere: Served) -> None:
    service, http = anywhere, await anywhere.pipeline()

    submitted = await http.post("/v1/changes", json=request())
    change = submitted.json()
    assert submitted.status_code == 201
    assert submitted.headers["location"] == f"/v1/changes/{change['id']}"
    assert "retry-after" not in submitted.headers
    assert (change["state"], change["outcome"], change["type"], change["route"]) == (
        "approved",
        "approved",
        "standard",
        "automatic",
    )
    assert change["reasons"]

    holder = service.anybody(change["change_token"])
    envelope = (await holder.post(f"/v1/changes/{change['id']}/admission", json=admission())).json()
    assert json.loads(base64.b64decode(envelope["payload"]))["predicate"]["change"] == change["id"]
    again = await holder.post(f"/v1/changes/{change['id']}/admission", json=admission())
    assert again.json() == envelope

    closed = await holder.post(
        f"/v1/changes/{change['id']}/closure", json={"result": "successful", "notes": "fine"}
    )
    assert (closed.json()["state"], closed.json()["closed"]["result"]) == ("closed", "successful")

    place = (await http.get("/v1/services/web/environments/stage")).json()
    assert place["running"]["commit"] == COMMIT
    assert [
        item["decision"]
        for item in (await http.get(f"/v1/changes/{change['id']}/decisions")).json()["items"]
    ] == [1]


async def test_what_people_write_comes_back_as_they_wrote_it(anywhere: Served) -> None:
    http = await anywhere.pipeline()
    texts: dict[str, Any] = {
        "title": "Größe \U0001f600 \u202e % _ ' \" \\ ;--",
        "requested_by": "\u200bada",
        "authors": ["Ж@example.com", "x" * 200],
    }
    files = ["src/ä b.py", "a\nb", "'; drop table changes; --", "\ud7ff\ue000"]

    submitted = await http.post(
        "/v1/changes",
        json=request(**texts, facts={"diff": {"files": files}}, labels={"team": "=1+1"}),
    )
    change = (await http.get(f"/v1/changes/{submitted.json()['id']}")).json()
    decision = (await http.get(f"/v1/changes/{change['id']}/decisions")).json()["items"][0]

    assert submitted.status_code == 201
    assert {name: change[name] for name in texts} == texts
    assert decision["facts"]["diff.files"]["value"] == files
    assert decision["facts"]["labels.team"]["value"] == "=1+1"


async def test_e26_what_an_answer_holds_can_be_sent_back(service: Served) -> None:
    http = service.anybody(await service.token(Role.PIPELINE, "web"))
    first = (await http.post("/v1/changes", json=request(run="7", title=""))).json()
    fields = ChangeRequest.model_fields.keys() & first.keys()

    again = await http.post("/v1/changes", json={name: first[name] for name in fields})
    admitted = {name: first[name] for name in AdmissionRequest.model_fields}
    statement = await http.post(f"/v1/changes/{first['id']}/admission", json=admitted)
    closed = await http.post(
        f"/v1/changes/{first['id']}/closure", json={"result": "successful", "run": first["run"]}
    )

    assert first["run"]["url"] is None
    assert fields >= {
        "service",
        "environment",
        "commit",
        "base",
        "ref",
        "repository",
        "artifacts",
        "run",
        "authors",
        "title",
    }
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    assert (statement.status_code, closed.status_code) == (200, 200)


async def test_what_regulators_ask_is_kept_and_shown(service: Served) -> None:
    http = service.anybody(await service.token(Role.PIPELINE, "web"))
    said = {
        "reason": "a customer pays twice",
        "security_impact": "none: no new input",
        "expected_outcome": "one payment",
        "customer_impact": "a short notice",
        "ticket": "PAY-17",
    }

    with_all = (await http.post("/v1/changes", json=request(**said))).json()
    without = (await http.post("/v1/changes", json=request("2", commit="d" * 40))).json()

    assert {name: with_all[name] for name in said} == said
    assert {name: without[name] for name in said} == dict.fromkeys(said)
    again = (await http.get(f"/v1/changes/{with_all['id']}")).json()
    assert {name: again[name] for name in said} == said
    back = await http.post("/v1/changes", json=request(**{name: again[name] for name in said}))
    assert (back.status_code, back.json()["id"]) == (200, with_all["id"])


async def test_e26_a_change_names_its_page(service: Served) -> None:
    http = service.anybody(await service.token(Role.PIPELINE, "web"))
    change = (await http.post("/v1/changes", json=request())).json()

    assert change["links"]["page"] == f"{BASE_URL}/changes/{change['id']}"
    assert change["links"]["self"] == f"{BASE_URL}/v1/changes/{change['id']}"


async def test_a_change_that_waits_for_people_says_when_to_ask_again(service: Served) -> None:
    http = await service.pipeline()

    response = await http.post("/v1/changes", json=request(environment="production"))

    assert (response.status_code, response.json()["state"]) == (201, "pending")
    assert response.headers["retry-after"] == "10"
    refused = await http.post(
        f"/v1/changes/{response.json()['id']}/admission", json=admission(environment="production")
    )
    assert (refused.status_code, problem_name(refused)) == (409, "not_approved")


async def test_a08_an_admission_for_something_else_is_refused(service: Served) -> None:
    http = await service.pipeline()
    change = (await http.post("/v1/changes", json=request())).json()["id"]

    response = await http.post(f"/v1/changes/{change}/admission", json=admission(commit="d" * 40))

    assert (response.status_code, problem_name(response)) == (409, "subject_mismatch")


async def test_a_waiting_caller_hears_of_the_cancellation(service: Served) -> None:
    http = await service.pipeline()
    change = (await http.post("/v1/changes", json=request(environment="production"))).json()["id"]
    states: list[str] = []

    async def wait() -> None:
        states.append((await http.get(f"/v1/changes/{change}?wait=60")).json()["state"])

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            while service.gate.waiters.count == 0:
                await anyio.lowlevel.checkpoint()
            assert (
                await http.post(f"/v1/changes/{change}/cancellation", json={"comment": "not today"})
            ).status_code == 200

    assert states == ["canceled"]


@pytest.mark.parametrize("wait", ["61", "-1", "1.5", "x", ""])
async def test_nobody_waits_longer_than_a_minute(service: Served, wait: str) -> None:
    http = await service.pipeline()

    assert problem_name(await http.get(f"/v1/changes/{NOBODYS}?wait={wait}")) == "invalid"


async def test_the_same_run_asks_again_and_is_joined(service: Served) -> None:
    http = await service.pipeline()
    first = await http.post("/v1/changes", json=request())

    second = await http.post("/v1/changes", json=request())

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["id"] == first.json()["id"]
    assert second.json()["change_token"] == first.json()["change_token"]


@pytest.mark.parametrize("keys", [("k1", "k1"), ('"k1"', "k1"), ("k1", '"k1"')])
async def test_the_same_key_gets_the_same_bytes(service: Served, keys: tuple[str, str]) -> None:
    http = await service.pipeline()
    body = json.dumps(request() | {"run": None}).encode()
    headers = {"Content-Type": "application/json"}

    first, second = [
        await http.post("/v1/changes", content=body, headers={**headers, "Idempotency-Key": key})
        for key in keys
    ]

    assert second.content == first.content
    assert (first.status_code, second.status_code) == (201, 201)
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"


async def test_the_same_key_for_something_else_is_refused(service: Served) -> None:
    http = await service.pipeline()
    key = {"Idempotency-Key": "k1"}
    await http.post("/v1/changes", json=request("1"), headers=key)

    response = await http.post("/v1/changes", json=request("2"), headers=key)

    assert (response.status_code, problem_name(response)) == (422, "key_reused")


@pytest.mark.parametrize("key", [b"", b'""', b'"', b"k\x1b", b"k" * 256, b'a"b', "ключ".encode()])
async def test_a_key_is_a_short_printable_text(service: Served, key: bytes) -> None:
    http = await service.pipeline()

    response = await http.post("/v1/changes", json=request(), headers=[(b"Idempotency-Key", key)])

    assert problem_name(response) == "invalid"


@pytest.mark.parametrize(
    "field", ["risk", "band", "standard", "state", "route", "approved_by", "submitted_at"]
)
async def test_a33_what_the_gate_decides_is_no_field(service: Served, field: str) -> None:
    response = await (await service.pipeline()).post("/v1/changes", json=request() | {field: "low"})

    assert [error["pointer"] for error in problem(response)["errors"]] == [f"#/{field}"]


@pytest.mark.parametrize("cursor", ["x", "AAAA", "a" * 400, "%00", "../..", "' or 1=1 --"])
async def test_a45_a_cursor_that_is_none_is_refused(service: Served, cursor: str) -> None:
    response = await (await service.auditor()).get("/v1/changes", params={"cursor": cursor})

    assert (response.status_code, problem_name(response)) == (400, "bad_cursor")


async def test_a45_a_cursor_is_good_for_its_caller_and_filters_alone(service: Served) -> None:
    http, other = await service.pipeline(), await service.auditor()
    for run in "123":
        await http.post("/v1/changes", json=request(run))
    cursor = (await http.get("/v1/changes?limit=1")).json()["next"]

    following = await http.get(f"/v1/changes?limit=2&cursor={cursor}")

    assert [item["run"]["id"] for item in following.json()["items"]] == ["2", "1"]
    assert problem_name(await other.get(f"/v1/changes?limit=1&cursor={cursor}")) == "bad_cursor"
    assert (
        problem_name(await http.get(f"/v1/changes?limit=1&service=web&cursor={cursor}"))
        == "bad_cursor"
    )


async def test_pages_name_the_page_after_them(service: Served) -> None:
    http = await service.pipeline()
    for run in "123":
        await http.post("/v1/changes", json=request(run))

    runs: list[str] = []
    address: str | None = "/v1/changes?limit=2&service=web"
    while address:
        response = await http.get(address)
        runs += [item["run"]["id"] for item in response.json()["items"]]
        link = response.links.get("next")
        address = link["url"] if link else None

    assert runs == ["3", "2", "1"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=approved", 1),
        ("state=closed", 0),
        ("service=web&environment=staging", 1),
        ("service=w%25", 0),
        ("service=we_", 0),
        ("type=standard&band=low&outcome=approved", 1),
        ("q=faster", 1),
        ("q=images%20faster", 1),
        ("q=%25", 1),
        ("q=slower", 0),
        ("from=2000-01-01T00:00:00Z", 1),
        ("to=2000-01-01T00:00:00%2B02:00", 0),
    ],
)
async def test_a46_filters_are_taken_literally(service: Served, query: str, found: int) -> None:
    http = await service.pipeline()
    await http.post("/v1/changes", json=request())

    assert len((await http.get(f"/v1/changes?{query}")).json()["items"]) == found


@pytest.mark.parametrize(
    "query",
    [
        "state=open",
        "band=1",
        "type=STANDARD",
        "outcome=",
        "from=yesterday",
        "from=2026-01-01",
        "sort=id",
    ],
)
async def test_a_filter_that_is_none_is_refused(service: Served, query: str) -> None:
    assert problem_name(await (await service.auditor()).get(f"/v1/changes?{query}")) == "invalid"


async def test_a29_no_token_is_in_any_answer_but_the_one_that_makes_it(service: Served) -> None:
    token = await service.token(Role.PIPELINE, "web")
    http = service.anybody(token)
    change = (await http.post("/v1/changes", json=request())).json()
    auditor = await service.auditor()

    answers = [
        await http.get(f"/v1/changes/{change['id']}"),
        await auditor.get("/v1/log"),
        await auditor.get("/v1/log?format=csv"),
        await auditor.get(f"/v1/changes/{change['id']}/decisions"),
        await http.post(f"/v1/changes/{token}/admission", json={"token": token}),
        await http.get("/v1/changes", params={"token": token, "q": token}),
        await http.get("/v1/changes", params={"state": token}),
    ]

    secret = token.split("_", 2)[2]
    for response in answers:
        assert secret not in response.text
        assert change["change_token"] not in response.text


async def test_a61_a_list_is_shown_once_and_not_with_every_reason(service: Served) -> None:
    files = [f"src/{number:04}/{'x' * 300}.py" for number in range(2_000)]
    http = await service.pipeline()

    body = request(environment="production", facts={"diff": {"files": files, "lines_added": 3}})
    answer = await http.post("/v1/changes", json=body)
    change = answer.json()
    (decision,) = (await http.get(f"/v1/changes/{change['id']}/decisions")).json()["items"]

    shown = [
        one["facts"]["diff.files"] for one in change["reasons"] if "diff.files" in one["facts"]
    ]
    assert len(shown) > 1
    assert all(one["value"] == files[:ITEMS_SHOWN_MAX] for one in shown)
    assert len(answer.content) < BODY_BYTES_MAX // 10
    assert decision["facts"]["diff.files"]["value"] == files
