"""Incidents over HTTP: who tells, who corrects, and that a word told twice is told once."""

from typing import Any

import pytest

from gate.flow.caller import Role
from tests.api.asgi import problem_name
from tests.api.served import Served, admission, request

pytestmark = pytest.mark.anyio

INCIDENT = {
    "id": "INC-1",
    "title": "Images are missing",
    "service": "web",
    "environment": "staging",
    "severity": "Critical",
    "began_at": "2026-03-02T10:00:00Z",
}


async def deployed(service: Served) -> str:
    """A change of `web` that is deploying; its id."""
    http = await service.pipeline()
    change: str = (await http.post("/v1/changes", json=request())).json()["id"]
    assert (await http.post(f"/v1/changes/{change}/admission", json=admission())).status_code == 200
    return change


@pytest.mark.parametrize(
    ("different", "where"),
    [
        pytest.param({"severity": "so bad"}, "/severity", id="a severity of two words"),
        pytest.param({"began_at": "yesterday"}, "/began_at", id="no instant"),
        pytest.param({"resolved_at": "2026-03-02T09:00:00Z"}, "", id="over before it began"),
        pytest.param({"change": "chg_1"}, "/change", id="no id of a change"),
        pytest.param({"id": "a/b"}, "/id", id="an id that is a path"),
        pytest.param({"title": ""}, "/title", id="no title"),
        pytest.param({"links": []}, "/links", id="an unknown field"),
    ],
)
async def test_a_report_that_is_not_understood_says_where(
    service: Served, different: dict[str, Any], where: str
) -> None:
    http = service.anybody(await service.token(Role.HOOK))

    response = await http.post("/v1/incidents", json=INCIDENT | different)

    assert (response.status_code, problem_name(response)) == (422, "invalid")
    assert where in str(response.json()["errors"][0]["pointer"])


async def test_a_report_is_answered_with_what_it_is_put_down_to_and_told_again_is_known(
    service: Served,
) -> None:
    change = await deployed(service)
    http = service.anybody(await service.token(Role.HOOK))

    first = await http.post("/v1/incidents", json=INCIDENT | {"change": change})
    second = await http.post("/v1/incidents", json=INCIDENT | {"change": change})

    (link,) = first.json()["links"]
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert (first.json()["id"], first.json()["severity"], link["change"], link["method"]) == (
        "INC-1",
        "critical",
        change,
        "explicit",
    )


async def test_a_change_that_nobody_knows_is_refused_with_the_reason(service: Served) -> None:
    http = service.anybody(await service.token(Role.HOOK))

    response = await http.post("/v1/incidents", json=INCIDENT | {"change": "chg_" + "0" * 26})

    assert response.status_code == 422
    assert "there is no change" in response.json()["detail"]


async def test_release_managers_tie_and_untie_with_a_reason(service: Served) -> None:
    change = await deployed(service)
    http = await service.person("ada")
    await http.post("/v1/incidents", json=INCIDENT)

    tied = await http.post(
        "/v1/incidents/INC-1/links", json={"change": change, "reason": "It was this one"}
    )
    address = f"/v1/incidents/INC-1/links/{tied.json()['links'][0]['id']}"
    silent = await http.delete(address)
    removed = await http.request("DELETE", address, json={"reason": "It was not"})
    again = await http.delete(address, params={"reason": "It was not"})

    assert [one.status_code for one in (tied, silent, removed, again)] == [201, 422, 200, 409]
    assert removed.json()["links"] == []


async def test_the_list_has_pages_and_filters(service: Served) -> None:
    http = await service.person("ada")
    for number in range(3):
        await http.post(
            "/v1/incidents",
            json=INCIDENT | {"id": str(number), "began_at": f"2026-03-02T1{number}:00:00Z"},
        )
    await http.post(
        "/v1/incidents",
        json=INCIDENT
        | {"id": "2", "began_at": "2026-03-02T12:00:00Z", "resolved_at": "2026-03-02T13:00:00Z"},
    )

    first = (await http.get("/v1/incidents", params={"limit": 2})).json()
    second = (await http.get("/v1/incidents", params={"limit": 2, "cursor": first["next"]})).json()
    going_on = (await http.get("/v1/incidents", params={"open": "true", "service": "web"})).json()

    assert [one["id"] for one in first["items"] + second["items"]] == ["2", "1", "0"]
    assert [one["id"] for one in going_on["items"]] == ["1", "0"]
