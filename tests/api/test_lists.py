"""Every list is answered by pages: nothing is cut off in silence, and a cursor is good for one list
alone (E26, A45, C18).
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import httpx
import pytest

from gate.core.change import Result
from gate.core.messages.reports import DeploymentReport
from gate.flow.caller import Role
from gate.flow.commands import PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX
from gate.flow.incidents.observe import deployment_seen
from gate.storage.database.rows import MessageRow
from gate.storage.database.tx import Tx
from gate.storage.messages import outbox
from gate.storage.tables import schema, schema_work
from tests.api.asgi import problem_name
from tests.api.openapi import openapi
from tests.api.served import COMMIT, Served, request
from tests.shipped import ROOT

pytestmark = pytest.mark.anyio

THINGS = 5
DOCUMENT = openapi()
NOT_BY_PAGES: Mapping[str, str] = {
    "/v1/calendar": "the windows of the days that are asked for",
    "/v1/delivery": "the figures of one place",
    "/v1/reports": "the reports that there are, each by its name",
    "/v1/weekly/waits": "the longest of one week, in that order; `more` says that there are others",
}
"""Answers with an array that are no list of things kept, and why."""

Http: TypeAlias = httpx.AsyncClient


def _schema(node: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = node.get("$ref")
    if reference is None:
        return node
    found: Mapping[str, Any] = DOCUMENT["components"]["schemas"][reference.rpartition("/")[2]]
    return found


def _lists() -> dict[str, Mapping[str, Any]]:
    """Every GET whose answer is an object with an array beside `next`, or named `items`."""
    found = {}
    for path, item in DOCUMENT["paths"].items():
        content = item.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        answer = _schema(content.get("application/json", {}).get("schema", {}))
        if answer.get("properties", {}).keys() & {"items", "next"} and path not in NOT_BY_PAGES:
            found[path] = item["get"]
    return found


LISTS = _lists()


def test_e26_the_lists_that_people_cut_in_silence_are_among_them() -> None:
    assert LISTS.keys() >= {
        "/v1/changes/{change_id}/approvals",
        "/v1/changes/{change_id}/decisions",
        "/v1/freezes",
        "/v1/outbox",
        "/v1/people",
        "/v1/policies",
        "/v1/tokens",
    }


@pytest.mark.parametrize("path", LISTS)
def test_e26_every_list_takes_limit_and_cursor_and_answers_next(path: str) -> None:
    taken = {
        one["name"]: one["schema"] for one in LISTS[path]["parameters"] if one["in"] == "query"
    }
    answered = _schema(LISTS[path]["responses"]["200"]["content"]["application/json"]["schema"])

    assert taken.keys() >= {"limit", "cursor", "from", "to"}
    limit = {name: taken["limit"][name] for name in ("minimum", "maximum", "default")}
    assert limit == {"minimum": 1, "maximum": PAGE_ITEMS_MAX, "default": PAGE_ITEMS_DEFAULT}
    assert "next" in answered["properties"]


async def _all(http: Http, path: str, items: str) -> list[Any]:
    """Two by two, as long as there is a next page; the Link says where it is."""
    pages: list[list[Any]] = []
    address = f"{path}?limit=2"
    while len(pages) <= THINGS:
        response = await http.get(address)
        assert response.status_code == 200, response.text
        answer = response.json()
        pages.append(answer[items])
        if answer["next"] is None:
            assert "link" not in response.headers
            break
        assert len(answer[items]) == 2
        address = response.headers["link"].partition(">")[0].removeprefix("<")
        assert answer["next"] in address
    return [one for page in pages for one in page]


Fill: TypeAlias = Callable[[Served], Awaitable[str]]
"""Puts five things there and answers the address of the list."""


async def _freezes(service: Served) -> str:
    ben = await service.signed_in("ben")
    for number in range(THINGS):
        ask = {"reason": f"Window {number}", "stop": True, "services": ["web"]}
        assert (await ben.post("/v1/freezes", json=ask)).status_code == 201
    return "/v1/freezes"


async def _improvements(service: Served) -> str:
    ben = await service.signed_in("ben")
    ask = {
        "service": "web",
        "environment": "staging",
        "experiment": "Fewer at once",
        "owner": "release-managers",
        "priority": "planned",
        "due_at": f"{service.gate.clock() + timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}",
        "figure": "incidents",
    }
    for _ in range(THINGS):
        assert (await ben.post("/v1/improvements", json=ask)).status_code == 201
    return "/v1/improvements"


async def _tokens(service: Served) -> str:
    for _ in range(THINGS):
        await service.token(Role.AUDITOR)
    return "/v1/tokens"


async def _people(service: Served) -> str:
    for who in ("ben", "chloe", "dmitri", "emeka"):  # the admin is there
        await service.signed_in(who)
    return "/v1/people"


async def _policies(service: Served) -> str:
    admin = service.anybody(await service.token(Role.ADMIN))
    files = {file.name: file.read_text() for file in (ROOT / "policies").glob("*.yaml")}
    for number in range(THINGS - 1):  # one is in force
        text = files["default.yaml"].replace("\nvalid_for: 4h", f"\nvalid_for: {5 + number}h")
        made = await admin.post("/v1/policies", json={"files": {**files, "default.yaml": text}})
        assert made.status_code == 201, made.text
    return "/v1/policies"


async def _outbox(service: Served) -> str:
    def write(tx: Tx) -> None:
        rows = [
            MessageRow(f"msg_{number}", tx.now, "chat", None, b"{}", tx.now)
            for number in range(THINGS)
        ]
        outbox.insert_messages(tx, rows)
        tx.conn.execute(schema_work.outbox.update().values(dead_at=tx.now, error="refused"))

    await service.gate.store.write(write)
    return "/v1/outbox"


async def _said(service: Served) -> str:
    pipeline = service.anybody(await service.token(Role.PIPELINE, "web"))
    change = (await pipeline.post("/v1/changes", json=request(environment="production"))).json()

    def write(tx: Tx) -> None:
        rows = [
            {
                "change_id": change["id"],
                "person": f"p{number}",
                "decision": 1,
                "rejected": number == 0,
            }
            | {
                "subject_digest": "0" * 64,
                "comment": "",
                "at": tx.now + timedelta(microseconds=number),
            }
            for number in range(THINGS)
        ]
        tx.conn.execute(schema.approvals.insert(), rows)

    await service.gate.store.write(write)
    return f"/v1/changes/{change['id']}/approvals"


async def _incidents(service: Served) -> str:
    hook = service.anybody(await service.token(Role.HOOK))
    for number in range(THINGS):
        began = f"2026-03-02T10:0{number}:00Z"
        ask = {"title": "It broke", "service": "web", "severity": "high", "began_at": began}
        assert (await hook.post("/v1/incidents", json=ask)).status_code == 201
    return "/v1/incidents"


async def _sightings(service: Served) -> str:
    for number in range(THINGS):
        at = datetime(2026, 3, 2, 10, number, tzinfo=UTC)
        seen = DeploymentReport("web", "production", COMMIT, Result.SUCCESSFUL, at, "cdevents")
        await deployment_seen(service.gate, seen)
    return "/v1/sightings"


async def _changes(service: Served) -> str:
    pipeline = service.anybody(await service.token(Role.PIPELINE, "web"))
    for number in range(THINGS):
        assert (await pipeline.post("/v1/changes", json=request(str(number)))).status_code == 201
    return "/v1/changes"


async def _log(service: Served) -> str:
    await _changes(service)
    return "/v1/log"


FILLS: Mapping[str, Fill] = {
    "freezes": _freezes,
    "improvements": _improvements,
    "tokens": _tokens,
    "people": _people,
    "policies": _policies,
    "outbox": _outbox,
    "approvals": _said,
    "incidents": _incidents,
    "sightings": _sightings,
    "changes": _changes,
    "log": _log,
}
NOT_FILLED = {"/v1/changes/{change_id}/decisions", "/v1/standard-changes"}
"""The pages of decisions are shown where those are stored: a change that is decided five times takes
a while. Standard changes are those of the catalogue, and are in no order of time."""


def test_every_list_is_filled_here() -> None:
    assert len(LISTS.keys() - NOT_FILLED) == len(FILLS)


@pytest.mark.parametrize("name", FILLS)
async def test_e26_page_after_page_shows_every_thing_once_and_newest_first(
    service: Served, name: str
) -> None:
    admin = await service.signed_in("ada", Role.ADMIN)
    path = await FILLS[name](service)
    items = "dead" if name == "outbox" else "items"

    found = await _all(admin, path, items)

    whole = (await admin.get(path)).json()
    assert len(found) == THINGS
    assert found == whole[items]
    assert whole["next"] is None
    keys = ("at", "created_at", "submitted_at", "begins", "registered_at", "id")
    ats = [next(one[key] for key in keys if key in one) for one in found]
    assert name == "people" or ats == sorted(ats, reverse=True)  # of people no instant is shown


async def test_a45_a_cursor_of_one_list_is_refused_by_every_other_one(service: Served) -> None:
    admin = await service.signed_in("ada", Role.ADMIN)
    paths = [
        await fill(service) for name, fill in FILLS.items() if name != "log"
    ]  # what fills it fills another one
    cursors = {path: (await admin.get(f"{path}?limit=1")).json()["next"] for path in paths}

    for path in paths:
        for other, cursor in cursors.items():
            response = await admin.get(path, params={"limit": 1, "cursor": cursor})
            if path == other:
                assert response.status_code == 200
            else:
                assert (response.status_code, problem_name(response)) == (400, "bad_cursor")


@pytest.mark.parametrize("limit", [0, -1, PAGE_ITEMS_MAX + 1, 10**30])
async def test_a45_a_limit_outside_is_refused_by_every_list(service: Served, limit: int) -> None:
    admin = await service.signed_in("ada", Role.ADMIN)

    for path in ("/v1/freezes", "/v1/tokens", "/v1/people", "/v1/policies", "/v1/outbox"):
        response = await admin.get(path, params={"limit": limit})
        assert (response.status_code, problem_name(response)) == (422, "invalid"), path
