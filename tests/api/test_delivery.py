"""How a place delivers, over HTTP."""

import pytest

from tests.api.served import Served, admission, request

pytestmark = pytest.mark.anyio

WEB = {"service": "web", "environment": "staging"}


async def test_a_place_has_its_five_figures(service: Served) -> None:
    pipeline = await service.pipeline()
    change = (await pipeline.post("/v1/changes", json=request())).json()["id"]
    await pipeline.post(f"/v1/changes/{change}/admission", json=admission())
    await pipeline.post(f"/v1/changes/{change}/closure", json={"result": "unsuccessful"})

    answer = (await (await service.auditor()).get("/v1/delivery", params=WEB)).json()

    assert answer["change_fail_rate"] == {
        "failed": 1,
        "deployments": 1,
        "rate": 1.0,
        "low": 0.2065,
        "high": 1.0,
    }
    assert [(one["value"], one["failed"]) for one in answer["by"]["route"]] == [("automatic", 1)]
    assert answer["change_lead_time_seconds"] == {"p50": None, "p90": None, "n": 0}


@pytest.mark.parametrize("lacking", ["service", "environment"])
async def test_a_place_is_a_service_and_an_environment(service: Served, lacking: str) -> None:
    response = await (await service.auditor()).get(
        "/v1/delivery", params={name: value for name, value in WEB.items() if name != lacking}
    )

    assert (response.status_code, lacking in response.text) == (422, True)


async def test_a_year_is_the_longest_time(service: Served) -> None:
    http = await service.auditor()

    long = await http.get(
        "/v1/delivery", params=WEB | {"from": "2024-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}
    )
    year = await http.get(
        "/v1/delivery", params=WEB | {"from": "2025-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}
    )

    assert (long.status_code, year.status_code, year.json()["to"]) == (
        422,
        200,
        "2026-01-01T00:00:00Z",
    )
