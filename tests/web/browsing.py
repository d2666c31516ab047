"""A browser as a program sees it: pages that are read, and forms that are sent."""

from datetime import UTC, datetime
from typing import Any

import httpx

from gate.flow.caller import Role
from tests.api.served import Served, admission, request
from tests.builders import Wire

OWN = {"Origin": "https://gate.example.com", "Sec-Fetch-Site": "same-origin"}
LARGE = {
    "diff": {"lines_added": 220, "lines_deleted": 4, "files": ["src/cart.py"], "files_changed": 1}
}

ORDINARY = {
    "diff": {
        **LARGE["diff"],
        "lines_added": 30,
        "directories": 1,
        "file_authors": 1,
        "prior_changes": 1,
        "days_since_touched": 20,
    },
    "author": {"subsystem_changes": 9},
    "change": {"fixes_defect": False},
}
"""Of which so much is known that its risk is moderate under the shipped policy."""


async def browser(
    service: Served, person: str = "ada", role: Role | None = None
) -> httpx.AsyncClient:
    """A browser in which this person is signed in, as far as headers go."""
    http = await service.signed_in(person, role)
    http.headers["Accept"] = "text/html"
    http.event_hooks = {"response": []}  # pages are no part of the OpenAPI document
    return http


def stranger(service: Served) -> httpx.AsyncClient:
    """A browser in which nobody is signed in."""
    http = service.anybody()
    http.event_hooks = {"response": []}
    http.headers["Accept"] = "text/html"
    return http


async def waiting(service: Served, **fields: Any) -> dict[str, Any]:
    """A change of `web` to production that needs somebody."""
    http = await service.pipeline()
    answer: dict[str, Any] = (
        await http.post(
            "/v1/changes",
            json=request(**{"environment": "production", "facts": LARGE, **fields}),
        )
    ).json()
    return answer


async def deployed(service: Served, number: str, result: str) -> Wire:
    """A change of web to staging that ended so."""
    pipeline = await service.pipeline()
    change: Wire = (await pipeline.post("/v1/changes", json=request(number))).json()
    await pipeline.post(f"/v1/changes/{change['id']}/admission", json=admission(number))
    ended = {"result": result, "notes": "no <b>index</b>", "run": {"id": number}}
    closed = await pipeline.post(f"/v1/changes/{change['id']}/closure", json=ended)
    assert closed.status_code == 200
    return change


async def unlinked(service: Served, title: str) -> str:
    """An incident of web to staging, reported before anything was deployed there: it is tied to
    nothing.
    """
    incident = {"title": title, "service": "web", "environment": "staging", "severity": "high"}
    incident["began_at"] = datetime.now(UTC).isoformat()
    made = await (await service.signed_in("ada")).post("/v1/incidents", json=incident)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def send(http: httpx.AsyncClient, address: str, **fields: str | list[str]) -> httpx.Response:
    """What the browser sends for a form of one of our pages."""
    page = (await http.get("/")).text
    csrf = page.partition('name="csrf" value="')[2].partition('"')[0]
    return await http.post(address, data={"csrf": csrf, **fields}, headers=OWN)
