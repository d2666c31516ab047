"""What operators ask, the document, and the page that shows it without a byte from elsewhere."""

import re
from pathlib import Path
from urllib.parse import urljoin

import anyio
import pytest

from gate.api.router import build_api
from gate.flow.caller import Role
from gate.flow.signing import make_key
from tests.api.asgi import BASE_URL, client, problem_name
from tests.api.openapi import openapi
from tests.api.served import Served, admission, request, served

pytestmark = pytest.mark.anyio


async def test_metrics_need_a_token_of_any_kind(service: Served) -> None:
    assert problem_name(await service.anybody().get("/metrics")) == "unauthenticated"
    assert (
        await service.anybody(await service.token(Role.HOOK)).get("/metrics")
    ).status_code == 200


async def test_metrics_count_decisions_answers_and_refusals(service: Served) -> None:
    http = await service.pipeline()
    await http.post("/v1/changes", json=request())
    await http.post("/v1/changes", json={})
    await http.get("/v1/changes/chg_x")
    await service.anybody().get("/nowhere")

    figures = (await http.get("/metrics")).text

    assert 'gate_decisions_total{band="low",outcome="approved",route="automatic"} 1.0' in figures
    assert 'gate_request_seconds_count{route="/v1/changes"} 2.0' in figures
    assert 'gate_request_seconds_count{route="/v1/changes/{change_id}"} 1.0' in figures
    assert 'gate_request_seconds_count{route="none"} 1.0' in figures
    assert 'gate_responses_total{status="201"} 1.0' in figures
    assert 'gate_refusals_total{problem="invalid"} 1.0' in figures
    assert 'gate_refusals_total{problem="not_found"} 2.0' in figures
    assert "gate_policy_files_broken 0.0" in figures
    assert "chg_x" not in figures


async def test_a_server_that_can_write_is_ready(service: Served) -> None:
    assert (await service.anybody().get("/readyz")).json() == {"status": "ready", "problems": []}


async def test_e25_a_key_made_after_the_start_is_used_and_until_then_it_is_said(
    postgres_url: str, tmp_path: Path
) -> None:
    later = tmp_path / "later.key"
    async with served(postgres_url, tmp_path, signing_key_file=later) as running:
        http, anybody = await running.pipeline(), running.anybody()
        path = (
            f"/v1/changes/{(await http.post('/v1/changes', json=request())).json()['id']}/admission"
        )
        refused, unsigned = await http.post(path, json=admission()), await anybody.get("/readyz")
        no_key = await anybody.get("/v1/ledger/key")

        key = make_key(later, BASE_URL)

        signed = await anybody.get("/readyz")
        assert (refused.status_code, problem_name(refused), problem_name(no_key)) == (
            503,
            "signing_unavailable",
            "signing_unavailable",
        )
        assert (unsigned.status_code, unsigned.json()["status"]) == (200, "ready"), (
            "decisions go on, so nobody takes the server out"
        )
        assert [
            problem
            for problem in unsigned.json()["problems"]
            if "no signing key" in problem and str(tmp_path) not in problem
        ]
        assert signed.json() == {"status": "ready", "problems": []}
        assert (await http.post(path, json=admission())).status_code == 200
        assert (await anybody.get("/v1/ledger/key")).text == f"{key.verifier}\n"


async def test_d23_a_server_whose_database_is_gone_is_alive_and_tells_strangers_no_path(
    service: Served, sqlite_url: str
) -> None:
    path = anyio.Path(sqlite_url.removeprefix("sqlite:///"))
    moved = await path.rename(f"{path}.moved")

    response = await service.anybody().get("/readyz")
    await moved.rename(path)

    assert (response.status_code, response.json()["status"]) == (503, "unready")
    assert response.headers["retry-after"] == "5"
    assert [
        problem
        for problem in response.json()["problems"]
        if "database file was moved away" in problem
    ]
    assert path.name not in response.text
    assert str(path.parent) not in response.text
    assert (await service.anybody().get("/healthz")).status_code == 200


async def test_the_document_is_public_and_of_version_3_1() -> None:
    async with client(build_api()) as http:
        document = (await http.get("/openapi.json")).json()

    assert document["openapi"].startswith("3.1")
    assert document == openapi(), (
        "every answer in these tests is held against the document of the code"
    )
    assert document["info"]["version"]
    for item in document["paths"].values():
        for operation in item.values():
            assert operation["description"]
            assert all(
                "$ref" in str(answer)
                or "content" not in answer
                or "text" in str(answer)
                or "image" in str(answer)
                or "binary" in str(answer)
                for answer in operation["responses"].values()
            )


async def test_the_page_loads_nothing_from_elsewhere() -> None:
    async with client(build_api()) as http:
        page = await http.get("/docs")
        sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assets = [await http.get(source) for source in sources]

    assert len(sources) == 5
    assert all(
        urljoin(BASE_URL, source).startswith(BASE_URL) and not source.startswith("//")
        for source in sources
    )
    assert [asset.status_code for asset in assets] == [200] * 5
    assert "<script>" not in page.text
    assert "style=" not in page.text


async def test_the_page_allows_nothing_from_elsewhere() -> None:
    async with client(build_api()) as http:
        policy = (await http.get("/docs")).headers["content-security-policy"]

    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == "'self'"
    assert directives["frame-ancestors"] == "'none'"
    assert "http" not in policy


@pytest.mark.parametrize(
    "path",
    [
        "/static/docs/../changes.py",
        "/static/docs/redoc.standalone.js",
        "/static/docs/",
        "/static/",
        "/redoc",
        "/docs/",
    ],
)
async def test_nothing_else_is_served(path: str) -> None:
    async with client(build_api()) as http:
        assert (await http.get(path)).status_code == 404
