"""`/v1/tokens`: who gets one, what it is good for, and that it ends at once (A28)."""

from typing import Any

import pytest
from sqlalchemy import select

from gate.flow.caller import Role
from gate.storage.tables.schema import ledger_entries
from tests.api.asgi import problem, problem_name
from tests.api.served import Served, request

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        pytest.param({}, "either role or person", id="neither role nor person"),
        pytest.param({"role": "admin", "person": "ada"}, "either role or person", id="both"),
        pytest.param({"role": "pipeline"}, "names its services", id="a pipeline without services"),
        pytest.param(
            {"role": "pipeline", "services": []},
            "names its services",
            id="a pipeline with no service",
        ),
        pytest.param(
            {"role": "pipeline", "services": ["web"], "all_services": True},
            "names its services",
            id="a pipeline with both",
        ),
        pytest.param(
            {"role": "auditor", "services": ["web"]},
            "only a pipeline or hook token",
            id="an auditor of one service",
        ),
        pytest.param(
            {"role": "hook", "services": ["web"]}, "as hook one of", id="a hook of no kind"
        ),
        pytest.param(
            {"role": "hook", "hook": "cdevents"}, "names its services", id="a hook without services"
        ),
        pytest.param(
            {"role": "hook", "hook": "cdevents", "all_services": True},
            "names its services",
            id="a hook for all services",
        ),
        pytest.param(
            {"role": "hook", "hook": "slack", "services": ["web"]},
            "'cdevents'",
            id="a hook that takes no token",
        ),
        pytest.param(
            {"role": "admin", "hook": "cdevents"}, "only a hook token", id="an admin of a hook"
        ),
        pytest.param({"role": "owner"}, "'pipeline'", id="a role that is none"),
        pytest.param(
            {"role": "admin", "expires_at": "2000-01-01T00:00:00Z"},
            "to come",
            id="an end that is past",
        ),
        pytest.param(
            {"role": "admin", "expires_at": "tomorrow"},
            "an instant is a text like",
            id="an end that is no instant",
        ),
        pytest.param({"role": "admin", "id": "0123"}, "unknown field", id="an id of its own"),
    ],
)
async def test_a_token_that_would_be_wrong_is_not_made(
    service: Served, ask: dict[str, Any], says: str
) -> None:
    response = await (await service.admin()).post("/v1/tokens", json=ask)

    assert response.status_code == 422
    assert says in problem(response)["detail"]


async def test_a_token_works_from_the_first_moment_and_ends_at_once(service: Served) -> None:
    admin = await service.admin()

    made = await admin.post("/v1/tokens", json={"role": "pipeline", "services": ["web"]})
    http = service.anybody(made.json()["token"])

    assert made.status_code == 201
    assert (await http.get("/v1/changes")).status_code == 200
    assert (await admin.delete(f"/v1/tokens/{made.json()['id']}")).status_code == 204
    assert problem_name(await http.get("/v1/changes")) == "unauthenticated"
    assert (await admin.delete(f"/v1/tokens/{made.json()['id']}")).status_code == 404


async def test_a_token_ends_when_its_time_is_over(service: Served) -> None:
    response = await (await service.admin()).post(
        "/v1/tokens", json={"role": "auditor", "expires_at": "2150-01-01T00:00:00Z"}
    )

    assert (await service.anybody(response.json()["token"]).get("/v1/log")).status_code == 200


async def test_the_list_shows_everything_but_what_makes_a_token_work(service: Served) -> None:
    admin, ada = await service.admin(), await service.signed_in("ada")
    token = (await ada.post("/v1/tokens", json={"person": "ada@example.com"})).json()["token"]

    response = await admin.get("/v1/tokens")

    whose = [item["person"] for item in response.json()["items"] if item["role"] is None]
    assert whose == [await service.person_id("ada")]
    assert token.split("_", 2)[2] not in response.text


async def test_a_token_is_listed_under_its_name_which_the_ledger_does_not_have(
    service: Served,
) -> None:
    admin = await service.admin()
    ask = {"role": "auditor", "name": "Quarterly audit of Ines"}

    made = (await admin.post("/v1/tokens", json=ask)).json()

    named = {one["id"]: one["name"] for one in (await admin.get("/v1/tokens")).json()["items"]}
    assert named[made["id"]] == "Quarterly audit of Ines"
    entries = await service.gate.store.read(
        lambda conn: [bytes(body) for body in conn.execute(select(ledger_entries.c.body)).scalars()]
    )
    assert any(made["id"].encode() in body for body in entries)
    assert not any(b"Ines" in body for body in entries)


@pytest.mark.parametrize("name", ["", "x" * 201, "two\nlines"])
async def test_a_name_is_one_line_that_says_something(service: Served, name: str) -> None:
    asked = {"role": "auditor", "name": name}

    answer = await (await service.admin()).post("/v1/tokens", json=asked)

    assert (answer.status_code, problem(answer)["errors"][0]["pointer"]) == (422, "#/name")


@pytest.mark.parametrize("place", ["first", "last", "id"])
async def test_a_changed_token_is_nobodys(service: Served, place: str) -> None:
    token = await service.token(Role.AUDITOR)
    prefix, identity, secret = token.split("_", 2)
    flip = {"A": "B"}
    match place:
        case "first":
            secret = flip.get(secret[0], "A") + secret[1:]
        case "last":
            secret = secret[:-1] + flip.get(secret[-1], "A")
        case _:
            identity = identity[:-1] + ("0" if identity[-1] != "0" else "1")

    assert (
        await service.anybody(f"{prefix}_{identity}_{secret}").get("/v1/log")
    ).status_code == 401
    assert (await service.anybody(token).get("/v1/log")).status_code == 200


@pytest.mark.parametrize(
    "token",
    [
        "gate_",
        "gatec_",
        "gatec_0_0",
        "gate_0123456789abcdef_" + "a" * 43,
        "x" * 10_000,
        "é",
        "gate_x y",
        "\t",
    ],
)
async def test_what_is_no_token_is_nobodys(service: Served, token: str) -> None:
    response = await service.anybody().get(
        "/v1/log", headers=[(b"Authorization", f"Bearer {token}".encode())]
    )

    assert problem_name(response) == "unauthenticated"


async def test_a_pipeline_for_all_services_has_no_bounds(service: Served) -> None:
    made = await (await service.admin()).post(
        "/v1/tokens", json={"role": "pipeline", "all_services": True}
    )

    assert (
        await service.anybody(made.json()["token"]).post("/v1/changes", json=request())
    ).status_code == 201
