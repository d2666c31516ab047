"""A service's page: what stands on it, and that its name leads there from every page."""

import pytest

from gate.core.change import Result
from tests.api.served import Served, admission, request
from tests.web.browsing import browser, waiting

pytestmark = pytest.mark.anyio

LINK = 'href="/services/web"'


async def deploy(service: Served, result: Result, **fields: str) -> str:
    """Deploy `web` to staging, and return the id of the change."""
    http = await service.pipeline()
    change: str = (await http.post("/v1/changes", json=request(**fields))).json()["id"]
    await http.post(f"/v1/changes/{change}/admission", json=admission())
    await http.post(f"/v1/changes/{change}/closure", json={"result": result})
    return change


async def test_a_pipeline_is_shown_no_page_of_a_service(service: Served) -> None:
    http = await service.pipeline()
    http.event_hooks = {"response": []}

    for address in ("/services/web", "/services/web.json"):
        assert (await http.get(address)).status_code == 403


async def test_its_name_leads_to_its_page_from_everywhere(service: Served) -> None:
    change = await waiting(service, title="Look everywhere")
    http = await browser(service)

    for address in (
        "/?q=everywhere",
        f"/changes/{change['id']}",
        "/log",
        "/insights",
        "/insights?service=web&environment=production",
    ):
        assert LINK in (await http.get(address)).text, address


async def test_it_says_whose_it_is_what_decides_what_runs_and_what_waits(service: Served) -> None:
    await deploy(service, Result.SUCCESSFUL)
    await waiting(service, title="Waits for somebody")
    http = await browser(service)

    page = (await http.get("/services/web")).text
    data = (await http.get("/services/web.json")).json()

    for said in ("team-web", "Hana Sato", "policy", "c0ffee0000", "Waits for somebody", "earned"):
        assert said in page
    places = {one["place"]["environment"]: one for one in data["places"]}
    assert places["staging"]["place"]["running"]["commit"].startswith("c0ffee")
    assert places["staging"]["figures"]["deployments"] == 1
    assert places["production"]["policy"] == "production"
    assert [one["title"] for one in data["waiting"]] == ["Waits for somebody"]


async def test_what_failed_stands_there_with_what_was_said(service: Served) -> None:
    await deploy(service, Result.UNSUCCESSFUL, title="Out of memory")
    http = await browser(service)

    data = (await http.get("/services/web.json")).json()
    other = (await http.get("/services/search.json")).json()

    assert [one["title"] for one in data["failures"]] == ["Out of memory"]
    assert "Out of memory" in (await http.get("/services/web")).text
    assert other["failures"] == []


async def test_a_name_that_is_too_long_has_no_page_and_one_with_a_slash_has_a_page(
    service: Served,
) -> None:
    http = await browser(service)

    assert (await http.get(f"/services/{'a' * 300}")).status_code == 404
    assert "payments/api" in (await http.get("/services/payments/api")).text
