"""Who may call what: every documented operation, with every kind of caller (A31, A32)."""

import re
from pathlib import Path
from typing import Any

import pytest

from gate.flow.caller import HookKind, Role
from tests.api.asgi import problem_name
from tests.api.openapi import openapi
from tests.api.pipelines import pipelines
from tests.api.served import Served, request

pytestmark = pytest.mark.anyio

PUBLIC = {
    "get /healthz",
    "get /readyz",
    "get /v1/policies/schema",
    "get /v1/ledger/key",
    "get /v1/ledger/checkpoint",
}
SIGNED = {
    "post /v1/hooks/github",
    "post /v1/hooks/gitlab",
    "post /v1/hooks/jira",
    "post /v1/hooks/pagerduty",
    "post /v1/hooks/slack",
}
"""Whoever calls them proves by a signature who they are."""
HOOKS = tuple(map(str, HookKind))
"""Tokens of role hook, each made for one kind."""
MAY: dict[str, set[str]] = {
    "post /v1/changes": {"pipeline"},
    "get /v1/changes": {"pipeline", "auditor", "admin", "person", "release manager"},
    "get /v1/changes/{change_id}": {
        "pipeline",
        "auditor",
        "admin",
        "person",
        "release manager",
        "holder",
    },
    "get /v1/changes/{change_id}/decisions": {
        "pipeline",
        "auditor",
        "admin",
        "person",
        "release manager",
        "holder",
    },
    "get /v1/changes/{change_id}/replay": {
        "pipeline",
        "auditor",
        "admin",
        "person",
        "release manager",
        "holder",
    },
    "get /v1/changes/{change_id}/evidence": {
        "pipeline",
        "auditor",
        "admin",
        "person",
        "release manager",
        "holder",
    },
    "get /v1/changes/{change_id}/notice": {
        "pipeline",
        "auditor",
        "admin",
        "person",
        "release manager",
        "holder",
    },
    "post /v1/changes/{change_id}/notices": {"person", "release manager"},
    "get /v1/reports": {"auditor", "admin", "person", "release manager"},
    "get /v1/reports/{name}": {"auditor", "admin", "person", "release manager"},
    "get /v1/controls": {"auditor", "admin", "person", "release manager"},
    "get /v1/changes/{change_id}/proof": {
        "pipeline",
        "auditor",
        "admin",
        "person",
        "release manager",
        "holder",
    },
    "get /v1/changes/{change_id}/approvals": {
        "pipeline",
        "auditor",
        "admin",
        "person",
        "release manager",
        "holder",
    },
    "post /v1/changes/{change_id}/admission": {"pipeline", "holder"},
    "post /v1/changes/{change_id}/closure": {"pipeline", "holder"},
    "post /v1/changes/{change_id}/cancellation": {
        "pipeline",
        "holder",
        "person",
        "release manager",
    },
    "post /v1/changes/{change_id}/approvals": {"person", "release manager"},
    "delete /v1/changes/{change_id}/approvals": {"person", "release manager"},
    "post /v1/changes/{change_id}/rejections": {"person", "release manager"},
    "post /v1/changes/{change_id}/overrides": {"person", "release manager"},
    "post /v1/changes/{change_id}/post-review": {"person", "release manager"},
    "post /v1/evaluations": {"pipeline", "admin", "person", "release manager"},
    "get /v1/services/{service}/environments/{environment}": {
        "pipeline",
        "auditor",
        "admin",
        "person",
        "release manager",
    },
    "get /v1/services/{service}/environments/{environment}/verdict": {
        "pipeline",
        "auditor",
        "admin",
        "person",
        "release manager",
    },
    "get /v1/services/{service}/environments/{environment}/badge.svg": {
        "pipeline",
        "auditor",
        "admin",
        "person",
        "release manager",
    },
    "get /v1/services/{service}/environments/{environment}/sync-windows": {
        "pipeline",
        "auditor",
        "admin",
        "person",
        "release manager",
    },
    "get /v1/policies": {"auditor", "admin", "person", "release manager"},
    "post /v1/policies": {"admin"},
    "post /v1/backtests": {"admin", "person", "release manager"},
    "post /v1/policies/check": {"admin", "person", "release manager"},
    "get /v1/policies/{revision}": {"auditor", "admin", "person", "release manager"},
    "post /v1/policies/{revision}/activation": {"signed-in admin"},
    "get /v1/freezes": {"auditor", "admin", "person", "release manager"},
    "post /v1/freezes": {"person", "release manager"},
    "delete /v1/freezes/{freeze_id}": {"release manager"},
    "get /v1/calendar.ics": {"auditor", "admin", "person", "release manager"},
    "get /v1/calendar": {"auditor", "admin", "person", "release manager"},
    "get /v1/incidents": {"auditor", "admin", "person", "release manager"},
    "post /v1/incidents": {*HOOKS, "person", "release manager"},
    "get /v1/sightings": {"auditor", "admin", "person", "release manager"},
    "post /v1/incidents/{incident_id}/links": {"release manager"},
    "delete /v1/incidents/{incident_id}/links/{link_id}": {"release manager"},
    "get /v1/delivery": {"auditor", "admin", "person", "release manager"},
    "get /v1/authority": {"auditor", "admin", "person", "release manager"},
    "get /v1/improvements": {"auditor", "admin", "person", "release manager"},
    "get /v1/improvements/proposals": {"auditor", "admin", "person", "release manager"},
    "post /v1/improvements": {"person", "release manager"},
    "patch /v1/improvements/{improvement_id}": {"person", "release manager"},
    "get /v1/weekly": {"auditor", "admin", "person", "release manager"},
    "get /v1/weekly/waits": {"auditor", "admin", "person", "release manager"},
    "get /v1/triage": {"auditor", "admin", "person", "release manager"},
    "post /v1/improvements/{improvement_id}/issue": {"person", "release manager"},
    "get /v1/scorecard": {"auditor", "admin", "person", "release manager"},
    "post /v1/measures": {*HOOKS, "person", "release manager"},
    "get /v1/observations": {"auditor", "admin", "person", "release manager"},
    "get /v1/standard-changes": {"auditor", "admin", "person", "release manager"},
    "post /v1/standard-changes/{standard_id}/reinstatement": {"person", "release manager"},
    "post /v1/hooks/cdevents": {"cdevents"},
    "post /v1/hooks/alertmanager": {"alertmanager"},
    "get /v1/events": {"auditor", "admin", "person", "release manager"},
    "get /v1/ledger/tile/{tile}": {"auditor", "admin", "person", "release manager"},
    "get /v1/ledger/entries/{index}": {"auditor", "admin", "person", "release manager"},
    "get /v1/log": {"auditor", "admin", "person", "release manager"},
    "get /v1/tokens": {"admin", "person", "release manager"},
    "post /v1/tokens": {"admin", "person", "release manager"},
    "delete /v1/tokens/{token_id}": {"admin", "person", "release manager"},
    "get /v1/people": {"admin"},
    "post /v1/people": {"admin"},
    "patch /v1/people/{person}": {"admin"},
    "get /v1/outbox": {"admin"},
    "post /v1/outbox/{message_id}/redelivery": {"admin"},
    "get /metrics": {"pipeline", *HOOKS, "auditor", "admin", "person", "release manager", "holder"},
}
CALLERS = ("pipeline", *HOOKS, "auditor", "admin", "person", "release manager", "holder")
DOCUMENT = openapi()
OPERATIONS = {
    f"{method} {path}": operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}


def test_every_operation_is_in_the_table() -> None:
    assert OPERATIONS.keys() == MAY.keys() | PUBLIC | SIGNED


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_is_public_on_purpose_or_says_that_it_needs_a_token(name: str) -> None:
    operation = OPERATIONS[name]

    assert operation.get("security", []) == ([] if name in PUBLIC | SIGNED else [{"token": []}])
    assert name in PUBLIC | SIGNED or {"401", "403", "429", "503"} <= operation["responses"].keys()


async def test_nobody_passes_without_a_token(service: Served) -> None:
    http = service.anybody()

    answers = {name: await http.request(*_address(name)) for name in MAY}

    assert {name: response.status_code for name, response in answers.items()} == dict.fromkeys(
        MAY, 401
    )
    assert {problem_name(response) for response in answers.values() if response.content} == {
        "unauthenticated"
    }


@pytest.mark.parametrize("caller", CALLERS)
async def test_a_caller_passes_exactly_where_the_table_says(service: Served, caller: str) -> None:
    http = service.anybody(await _token(service, caller))

    passed = {
        name for name in MAY if (await http.request(*_address(name))).status_code not in {401, 403}
    }

    assert passed == {name for name, callers in MAY.items() if caller in callers}


async def test_an_identity_token_passes_exactly_where_a_pipeline_does(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with pipelines(sqlite_url, tmp_path) as world:
        http = world.service.anybody(world.github.github())

        passed = {
            name
            for name in MAY
            if (await http.request(*_address(name))).status_code not in {401, 403}
        }

    assert passed == {name for name, callers in MAY.items() if "pipeline" in callers}


@pytest.mark.parametrize(
    ("role", "like"),
    [
        pytest.param(
            Role.AUDITOR,
            {"auditor"},
            id="an auditor reads and writes nothing, whatever groups they are in",
        ),
        pytest.param(
            Role.ADMIN,
            {"admin", "signed-in admin", "release manager"},
            id="an admin is a person as well",
        ),
        pytest.param(None, {"release manager"}, id="a person"),
    ],
)
@pytest.mark.parametrize("way", ["token", "session"])
async def test_a_person_passes_exactly_where_their_role_does(
    service: Served, role: Role | None, like: set[str], way: str
) -> None:
    http = await service.signed_in("ada", role)
    if way == "token":
        http = await service.person("ada")

    passed = {
        name for name in MAY if (await http.request(*_address(name))).status_code not in {401, 403}
    }

    assert passed == {name for name, callers in MAY.items() if callers & like}


@pytest.mark.parametrize("name", sorted(PUBLIC))
async def test_what_is_public_needs_no_token(service: Served, name: str) -> None:
    assert (await service.anybody().request(*_address(name))).status_code == 200


async def test_the_head_of_a_page_needs_what_the_page_needs(service: Served) -> None:
    http = service.anybody(await _token(service, "pipeline"))

    assert (await http.head("/v1/log")).status_code == 403
    assert (await service.anybody().head("/v1/log")).status_code == 401


def _address(name: str) -> tuple[str, str]:
    """A stream has no end to wait for, so of it the head is asked for, which needs the same."""
    method, path = name.split()
    return "HEAD" if path == "/v1/events" else method.upper(), re.sub(
        r"\{[a-z_]+\}", "nothing", path.replace("{service}", "web")
    )


async def _token(service: Served, caller: str) -> str:
    match caller:
        case "person":
            return await service.token(person="lena")
        case "release manager":
            return await service.token(person="ada")
        case "holder":
            answer: dict[str, Any] = (
                await (await service.pipeline()).post("/v1/changes", json=request())
            ).json()
            token: str = answer["change_token"]
            return token
    role = Role("hook" if caller in HOOKS else caller)
    hook = HookKind(caller) if caller in HOOKS else None
    return await service.token(
        role, *(("web",) if role in {Role.PIPELINE, Role.HOOK} else ()), hook=hook
    )
