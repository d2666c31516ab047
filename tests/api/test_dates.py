"""No date is too far away (D20): each field that takes one refuses it or keeps it, and everything
can be read afterwards.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx
import pytest

from gate.core.change import PLANNED_DAYS_AHEAD_MAX
from gate.flow.caller import Role
from gate.flow.folder import read_folder
from tests.api.asgi import problem
from tests.api.openapi import openapi
from tests.api.served import ROOT, Served, admission, request

pytestmark = pytest.mark.anyio

YEARS = ("0000", "0001", "1969", "1970", "2038", "2199", "2200", "9999")
CLOCKS = (
    "01-01T00:00:00",
    "12-31T23:59:59",
    "12-31T23:59:59.999999999",
    "12-31T23:59:60",
    "02-30T00:00:00",
)
ZONES = ("Z", "+14:00", "-14:00", "+23:59", "-23:59", "+99:99")
EXTREMES = tuple(f"{year}-{clock}{zone}" for year in YEARS for clock in CLOCKS for zone in ZONES)
NEAR = "2026-03-02T10:00:00Z"
SENT = 12
"""Of the extremes each field gets so many, others in each field; the ends of what a `datetime`
holds always."""

SOON = "{:%Y-%m-%dT%H:%M:%SZ}"
"""How a due date is written that is neither over nor more than a year ahead."""

POLICIES = read_folder(ROOT / "policies")
INCIDENT = {"title": "Images are missing", "service": "web", "severity": "high", "began_at": NEAR}
BODIES: Mapping[str, Mapping[str, Any]] = {
    "POST /v1/changes": request(),
    "POST /v1/evaluations": request(),
    "POST /v1/changes/{change_id}/closure": {"result": "successful"},
    "POST /v1/backtests": {"files": POLICIES},
    "POST /v1/freezes": {
        "reason": "Closed",
        "services": ["status-page"],
        "ends": "2199-06-01T00:00:00Z",
    },
    "POST /v1/incidents": INCIDENT,
    "POST /v1/measures": {
        "service": "web",
        "name": "satisfaction",
        "unit": "of 5",
        "value": 4,
        "at": NEAR,
    },
    "POST /v1/improvements": {
        "service": "web",
        "environment": "staging",
        "experiment": "Fewer at once",
        "owner": "release-managers",
        "priority": "planned",
        "figure": "incidents",
    },
    "PATCH /v1/improvements/{improvement_id}": {},
    "POST /v1/tokens": {"role": "auditor"},
}
"""A body that is understood, for every operation that takes a date in its body."""

FOR_ADMINS = ("POST /v1/tokens", "GET /v1/people", "GET /v1/outbox")
READ_AFTERWARDS = (
    *(
        "/v1/changes",
        "/v1/log",
        "/v1/log?format=csv",
        "/v1/calendar",
        "/v1/calendar.ics",
        "/v1/freezes",
        "/v1/incidents",
        "/v1/sightings",
        "/v1/policies",
    ),
    *("/v1/calendar?service=web&environment=staging", "/v1/services/web/environments/staging"),
    "/v1/delivery?service=web&environment=staging",
    "/v1/observations?service=web&environment=staging",
    "/v1/scorecard?service=web&environment=staging",
    *("/v1/improvements", "/v1/improvements/proposals", "/v1/weekly", "/v1/triage"),
)
PAGES = (
    "/",
    "/?q=is:decided",
    "/calendar",
    "/calendar?view=week&at=2198-06-01",
    "/log",
    "/insights",
    "/administration",
)


def dates_of(
    schema: Any, known: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """Where the schema of a request takes a date."""
    if "$ref" in schema:
        yield from dates_of(known[schema["$ref"].rpartition("/")[2]], known, path)
    if schema.get("format") == "date-time":
        yield path
    for one in schema.get("anyOf", ()):
        yield from dates_of(one, known, path)
    for name, inner in schema.get("properties", {}).items():
        yield from dates_of(inner, known, (*path, name))


def every_date() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each operation, with a field of its body or a parameter of its address that takes a date."""
    document = openapi()
    known = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for kind in operation.get("requestBody", {}).get("content", {}).values():
                for field in dates_of(kind["schema"], known):
                    yield f"{method.upper()} {path}", field
            for parameter in operation.get("parameters", ()):
                for _ in dates_of(parameter["schema"], known):
                    yield f"{method.upper()} {path}", (f"?{parameter['name']}",)


DATES = tuple(every_date())


def test_every_operation_with_a_date_is_tried() -> None:
    assert {operation for operation, field in DATES if not field[0].startswith("?")} == set(BODIES)
    assert len(DATES) >= 20


def due(days: int) -> str:
    """A due date so many days ahead."""
    return SOON.format(datetime.now(UTC) + timedelta(days=days))


def some(operation: str, field: tuple[str, ...]) -> list[str]:
    """Extremes for this field: the same in every run."""
    ends = [
        f"{year}{zone}"
        for year in ("0001-01-01T00:00:00", "9999-12-31T23:59:59.999999")
        for zone in ("Z", "+14:00", "-14:00")
    ]
    near = due(60) if field == ("due_at",) else NEAR
    return [near, *ends, *Random(f"{operation}{field}").sample(EXTREMES, SENT)]  # noqa: S311 - a test chooses what to send


def with_date(body: Mapping[str, Any], field: tuple[str, ...], value: str) -> dict[str, Any]:
    """The body with that date in that field."""
    first, *rest = field
    return {**body, first: with_date(body.get(first, {}), tuple(rest), value) if rest else value}


@pytest.mark.slow
async def test_no_date_is_an_error_of_the_gate(service: Served) -> None:
    people = {
        "POST /v1/changes": await service.pipeline(),
        "POST /v1/changes/{change_id}/closure": await service.pipeline(),
        **dict.fromkeys(FOR_ADMINS, await service.admin()),
    }
    anybody = service.anybody(await service.token(person="ada"))
    change = await deployed(service)
    improvement = {**BODIES["POST /v1/improvements"], "due_at": due(30)}
    item = (await anybody.post("/v1/improvements", json=improvement)).json()["id"]
    taken, failed = set(), []

    for operation, field in DATES:
        for number, value in enumerate(some(operation, field)):
            asked = made(operation, field, value, f"{field}{number}")
            named = {"change_id": change, "improvement_id": item, "name": "overrides"}
            method, path = operation.format(**named).split()
            response = await people.get(operation, anybody).request(method, path, **asked)
            if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                failed.append((operation, field, value, response.status_code))
            if response.is_success:
                taken.add((operation, field))

    assert failed == []
    assert taken == set(DATES)  # or nothing of the field itself was tried
    await everything_is_read(service)


def made(operation: str, field: tuple[str, ...], value: str, run: str) -> dict[str, Any]:
    """The request with that date."""
    if field[0].startswith("?"):
        place = (
            {"service": "web", "environment": "staging"}
            if operation.rpartition("/")[2] in {"delivery", "calendar", "observations"}
            else {}
        )
        return {"params": {**place, field[0][1:]: value}}
    body = with_date(BODIES[operation], field, value)
    return {"json": body | ({"run": {"id": run}} if "run" in body else {})}


async def test_no_day_in_the_address_of_a_page_is_an_error_of_the_gate(service: Served) -> None:
    browser = await service.signed_in("ada", Role.ADMIN)
    browser.event_hooks = {}  # pages are not in the OpenAPI document
    days = (
        "0001-01-01",
        "1969-12-31",
        "1999-12-31",
        "2000-01-01",
        "2199-12-31",
        "2200-01-01",
        "9999-12-31",
        "10000-01-01",
        "x",
    )
    pages = ("/log?from=", "/log?to=", "/calendar?at=", "/calendar?view=week&at=")

    answers = {
        f"{page}{day}": (await browser.get(f"{page}{day}")).status_code
        for page in pages
        for day in days
    }

    assert {
        address: status for address, status in answers.items() if status not in {200, 422}
    } == {}


async def deployed(service: Served) -> str:
    """A change of `web` that is deploying; its id."""
    http = await service.pipeline()
    change: str = (await http.post("/v1/changes", json=request("first"))).json()["id"]
    assert (
        await http.post(f"/v1/changes/{change}/admission", json=admission("first"))
    ).status_code == 200
    return change


async def everything_is_read(service: Served) -> None:
    """Whatever was kept is in no list's way, and in no page's."""
    http = service.anybody(await service.token(Role.AUDITOR))
    for address in READ_AFTERWARDS:
        assert (await http.get(address)).status_code == 200, address
    browser = await service.signed_in("ada", Role.ADMIN)
    browser.event_hooks = {}  # pages are not in the OpenAPI document
    for address in PAGES:
        assert (await browser.get(address)).status_code == 200, address


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(
            {"begins": "9999-12-31T23:59-14:00", "ends": "9999-12-31T23:59-14:00"},
            id="the end of time",
        ),
        pytest.param(
            {"begins": "0001-01-01T00:00+14:00", "ends": "2199-01-01T00:00"},
            id="the beginning of time",
        ),
        pytest.param({"begins": "2026-01-01T00:00", "ends": "9999-12-31T23:59"}, id="for ever"),
    ],
)
async def test_a_form_takes_no_such_date_either(service: Served, form: dict[str, str]) -> None:
    browser = await service.signed_in("ada")
    browser.event_hooks = {}

    answer = await browser.post(
        "/calendar/windows",
        data={"reason": "Closed", "csrf": browser.headers["X-CSRF-Token"], **form},
    )

    assert (answer.status_code, "allowed is an instant from 1970 to 2199" in answer.text) == (
        422,
        True,
    )
    await everything_is_read(service)


@pytest.mark.parametrize("field", ["start", "end"])
async def test_a_deployment_is_not_planned_for_a_time_that_nobody_can_judge(
    service: Served, field: str
) -> None:
    http = await service.pipeline()
    limit = service.gate.clock() + timedelta(days=PLANNED_DAYS_AHEAD_MAX)

    async def tried(seconds: float, path: str = "/v1/changes") -> Any:
        at = limit.timestamp() + seconds
        return await http.post(path, json=request(f"{path}{seconds}", planned={field: as_text(at)}))

    beyond = [await tried(60, path) for path in ("/v1/changes", "/v1/evaluations")]
    within = await tried(-60)

    assert [(answer.status_code, problem(answer)["detail"][:12]) for answer in beyond] == [
        (422, "planned for ")
    ] * 2
    assert "more than 366 days ahead; ask nearer to the time" in beyond[0].json()["detail"]
    assert within.status_code == 201


def as_text(timestamp: float) -> str:
    """RFC 3339, in UTC."""
    return datetime.fromtimestamp(timestamp, UTC).isoformat().replace("+00:00", "Z")
