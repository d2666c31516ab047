"""`/v1/policies`, `/v1/freezes`, `/v1/calendar`, `/v1/evaluations`: what people and admins do over
HTTP.
"""

import asyncio
from typing import Any

import pytest

from gate.flow.caller import Role
from gate.flow.folder import read_folder
from gate.flow.queries.turns import OPEN_OF_ONE_MAX
from tests.api.asgi import problem, problem_name
from tests.api.served import ROOT, Served, request

pytestmark = pytest.mark.anyio
FILES = read_folder(ROOT / "policies")
PLACE = {"service": "checkout", "environment": "production"}


def changed(**files: str) -> dict[str, Any]:
    """The shipped files with some of them replaced."""
    return {"files": FILES | {f"{name}.yaml": text for name, text in files.items()}}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"files": {}},
        {"files": {"../x.yaml": ""}},
        {"files": {"a.yaml": 1}},
        {"files": ["a"]},
        {"file": {}},
    ],
)
async def test_what_is_no_set_of_files_is_refused(service: Served, body: Any) -> None:
    assert (
        problem_name(await (await service.admin()).post("/v1/policies/check", json=body))
        == "invalid"
    )


async def test_a_fault_in_a_policy_is_told_with_its_place(service: Served) -> None:
    bent = FILES["default.yaml"].replace("policy: default", "policy: default\nunknown_key: 1", 1)

    response = await (await service.person("lena")).post(
        "/v1/policies/check", json=changed(default=bent)
    )

    assert problem_name(response) == "invalid"
    assert any(
        error["pointer"].startswith("default.yaml:") for error in problem(response)["errors"]
    )


async def test_policies_are_checked_registered_read_and_activated(service: Served) -> None:
    admin, other = (
        await service.signed_in("ada", Role.ADMIN),
        await service.signed_in("ben", Role.ADMIN),
    )
    body = changed(
        default=FILES["default.yaml"].replace("valid_for: 4h", "valid_for: 3h", 1) + "# new\n"
    )
    before = (await admin.get("/v1/policies")).json()["items"]

    checked = (await admin.post("/v1/policies/check", json=body)).json()
    registered = await admin.post("/v1/policies", json=body)
    revision = registered.json()["revision"]
    own = await admin.post(f"/v1/policies/{revision}/activation", json={"comment": "at once"})
    activated = await other.post(
        f"/v1/policies/{revision}/activation", json={"comment": "looked at it"}
    )

    assert len(before) == 1
    assert checked == {"valid": True, "revision": revision}
    assert (registered.status_code, registered.json()["active"]) == (201, False)
    assert own.status_code == 403
    assert activated.json()["active"] is True
    assert (await admin.get(f"/v1/policies/{revision}")).json()["files"]["default.yaml"] == body[
        "files"
    ]["default.yaml"]
    assert "Ada Ekberg" not in (await admin.get(f"/v1/policies/{revision}")).text


@pytest.mark.parametrize(
    "body", [{}, {"comment": ""}, {"comment": " \n"}, {"comment": "x" * 4_001}]
)
async def test_an_activation_says_why(service: Served, body: Any) -> None:
    assert (
        problem_name(
            await (await service.signed_in("ada", Role.ADMIN)).post(
                "/v1/policies/0/activation", json=body
            )
        )
        == "invalid"
    )


async def test_the_schema_is_for_everybody(service: Served) -> None:
    assert "$schema" in (await service.anybody().get("/v1/policies/schema")).json()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="without a reason"),
        pytest.param({"reason": "x"}, id="without an end"),
        pytest.param({"reason": "x", "stop": "yes"}, id="a text for true"),
        pytest.param(
            {"reason": "x", "stop": True, "ends": "2150-01-01T00:00:00Z"},
            id="a stopped line with an end",
        ),
        pytest.param(
            {"reason": "x", "begins": "2150-01-02T00:00:00Z", "ends": "2150-01-01T00:00:00Z"},
            id="an end before it begins",
        ),
        pytest.param({"reason": "x", "ends": "2000-01-01T00:00:00Z"}, id="an end that is past"),
        pytest.param(
            {"reason": "x", "ends": "2150-01-01T00:00:00Z", "tiers": []}, id="an unknown field"
        ),
    ],
)
async def test_what_is_no_window_is_refused(service: Served, body: Any) -> None:
    assert (
        problem_name(await (await service.person("ada")).post("/v1/freezes", json=body))
        == "invalid"
    )


async def test_on_call_freezes_and_stops_the_line_and_only_a_release_manager_lets_it_run_again(
    service: Served,
) -> None:
    on_call, manager = await service.person("goran"), await service.person("ada")

    frozen = await on_call.post("/v1/freezes", json={"reason": "x", "ends": "2150-01-01T00:00:00Z"})
    stopped = await on_call.post("/v1/freezes", json={"reason": "something is wrong", "stop": True})
    nobody = await (await service.person("lena")).post(
        "/v1/freezes", json={"reason": "x", "stop": True}
    )
    lifted = [
        await http.delete(f"/v1/freezes/{stopped.json()['id']}") for http in (on_call, manager)
    ]

    assert nobody.status_code == 403
    assert (frozen.status_code, stopped.status_code, [one.status_code for one in lifted]) == (
        201,
        201,
        [403, 200],
    )


async def test_a_freeze_holds_what_comes_after_it_until_it_is_lifted(service: Served) -> None:
    manager, http = await service.person("ada"), await service.pipeline()

    window = await manager.post(
        "/v1/freezes",
        json={"reason": "Black Friday", "ends": "2150-01-01T00:00:00Z", "services": ["web"]},
    )
    held = (await http.post("/v1/changes", json=request("1"))).json()
    place = (await http.get("/v1/services/web/environments/staging")).json()
    schedule = (await manager.get("/v1/calendar?service=web&environment=staging")).json()
    lifted = await manager.delete(f"/v1/freezes/{window.json()['id']}")
    again = await manager.delete(f"/v1/freezes/{window.json()['id']}")

    assert window.status_code == 201
    assert (held["state"], held["hold"]["window"]) == ("pending", window.json()["id"])
    assert place["hold"]["reason"] == "Black Friday"
    assert window.json()["id"] in [item["id"] for item in schedule["items"]]
    assert lifted.status_code == 200
    assert (again.status_code, problem_name(again)) == (409, "state_conflict")
    assert (await http.post("/v1/changes", json=request("2"))).json()["state"] == "approved"
    assert [item["id"] for item in (await manager.get("/v1/freezes")).json()["items"]] == [
        window.json()["id"]
    ]


async def test_a_stopped_line_stops_everything(service: Served) -> None:
    manager, http = await service.person("ben"), await service.pipeline()
    stopped = await manager.post("/v1/freezes", json={"stop": True, "reason": "something is wrong"})

    assert stopped.status_code == 201
    held = (await http.post("/v1/changes", json=request())).json()

    assert (held["state"], held["hold"]["stop"], held["hold"]["until"]) == ("pending", True, None)


async def test_a_window_of_the_file_is_not_lifted_here(service: Served) -> None:
    assert (
        problem_name(await (await service.person("ada")).delete("/v1/freezes/year-end"))
        == "not_found"
    )


@pytest.mark.parametrize(
    "query", ["from=x", "to=2026-01-01", "service=", "environment=a%00b", "limit=1"]
)
async def test_a_calendar_is_asked_for_in_instants(service: Served, query: str) -> None:
    assert (
        problem_name(await (await service.person("ada")).get(f"/v1/calendar?{query}")) == "invalid"
    )


async def test_an_evaluation_says_what_would_be_and_records_nothing(service: Served) -> None:
    http = await service.pipeline()

    why = {"reason": "a customer pays twice", "ticket": "PAY-17"}
    evaluation = (await http.post("/v1/evaluations", json=request(**why))).json()

    assert (evaluation["outcome"], evaluation["facts"]["diff.lines_added"]) == (
        "approved",
        {"value": 12, "origin": "claimed"},
    )
    assert not {"id", "state", "submitted_at"} & evaluation.keys()
    # Section 8: it answers the same as a change, but for id, state and times.
    assert evaluation["run"] == {"id": "1", "attempt": 1, "step": "", "url": None}
    assert {name: evaluation[name] for name in why} == why
    assert evaluation["customer_impact"] is None
    assert (await http.get("/v1/changes")).json()["items"] == []


async def test_a_candidate_is_tried_and_nothing_of_it_is_kept(service: Served) -> None:
    person = await service.person("lena")
    sets = (await person.get("/v1/policies")).json()["items"]

    answer = await person.post("/v1/backtests", json=changed())

    assert answer.status_code == 200
    found = answer.json()
    assert (found["changes"], found["failed"]) == (0, 0)
    assert found["candidate"] == found["in_force"]
    assert found["newly_approved"] == {"count": 0, "failed": 0}
    assert found["curve"][0] == {
        "escalated_share": 0.05,
        "caught_share": None,
        "caught_share_in_force": None,
    }
    assert {one["rule"] for one in found["rules"]} > {"size", "repairs"}
    assert (await person.get("/v1/policies")).json()["items"] == sets


@pytest.mark.parametrize(
    ("different", "words"),
    [
        ({"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "earlier"),
        ({"files": {"production.yaml": "policy: x\nunknown: 1\n"}}, "unknown"),
    ],
)
async def test_a_backtest_that_cannot_be_made_says_why(
    service: Served, different: dict[str, Any], words: str
) -> None:
    person = await service.person("lena")

    answer = await person.post("/v1/backtests", json=changed() | different)

    assert problem_name(answer) == "invalid"
    assert words in answer.text


async def test_one_person_tries_few_sets_of_policies_at_once(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, other = await service.person("lena"), await service.person("ada")
    let = asyncio.Event()
    read_slowly = service.gate.store.read_slowly

    async def held(*asked: Any) -> Any:
        await let.wait()
        return await read_slowly(*asked)

    # What the database takes seconds for, without a million changes.
    monkeypatch.setattr(service.gate.store, "read_slowly", held)
    async with asyncio.TaskGroup() as group:
        asked = [
            group.create_task(person.post("/v1/backtests", json=changed()))
            for _ in range(OPEN_OF_ONE_MAX + 1)
        ]
        answered, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        report = await person.get("/v1/observations", params=PLACE)
        of_another = group.create_task(other.get("/v1/observations", params=PLACE))
        let.set()

    again = answered.pop().result()
    assert {again.status_code, report.status_code} == {429}
    assert problem_name(again) == "rate_limited"
    assert int(again.headers["Retry-After"]) > 0
    assert sorted(one.result().status_code for one in asked) == [200, 200, 200, 429]
    assert of_another.result().status_code == 200
