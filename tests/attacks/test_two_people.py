"""Over HTTP: one person is one person, whatever tokens, links and names they hold (A2, A3, B11;
A14, A54, A63).
"""

import base64
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, select

from gate.config import OnOff
from gate.flow.caller import HookKind, Role
from gate.flow.folder import read_folder
from gate.flow.policies import policies
from gate.storage.tables.schema import metadata
from tests.api.asgi import problem_name
from tests.api.served import SMALL, Served, request, served
from tests.attacks.world import World, said, world_of
from tests.shipped import never_frozen

pytestmark = pytest.mark.anyio

ALLOWED = "allowed"
NO_NAMES = frozenset({"texts", "alembic_version", "decision_words"})
"""Where names may stand:

`texts`, which can be erased, and the words by which the log is searched.
"""


def answered(response: httpx.Response) -> str:
    """`allowed`, or the name of the problem."""
    return ALLOWED if response.is_success else problem_name(response)


async def token_of(http: httpx.AsyncClient, **ask: Any) -> str:
    """A new token that this client makes."""
    made = await http.post("/v1/tokens", json=ask)
    assert made.status_code == 201, made.text
    return str(made.json()["token"])


async def registered(http: httpx.AsyncClient, folder: Path) -> str:
    """The id of another policy set."""
    files = read_folder(never_frozen(folder))
    files["default.yaml"] = files["default.yaml"].replace("valid_for: 4h", "valid_for: 3h", 1)
    made = await http.post("/v1/policies", json={"files": files})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def adopt(service: Served, folder: Path, **people: str | None) -> None:
    """The shipped policies are in force with other entries of these people; None: without them."""
    files = read_folder(never_frozen(folder))
    for key, entry in people.items():
        catalogue = re.sub(
            rf"^  {key}: .*\n",
            "" if entry is None else f"  {key}: {entry}\n",
            files["catalog.yaml"],
            flags=re.MULTILINE,
        )
        if entry is None:
            catalogue = re.sub(rf"\b{key}\b, |, \b{key}\b(?=[,\]])", "", catalogue)
        files["catalog.yaml"] = catalogue
    assert (await policies.adopt(service.gate, files, changed=True)).activated


# A2: one admin is not two people


async def test_a2_whoever_registers_does_not_activate_with_any_token(
    world: World, tmp_path: Path
) -> None:
    service = world.service
    ada, ben = (
        await service.signed_in("ada", Role.ADMIN),
        await service.signed_in("ben", Role.ADMIN),
    )
    first = service.anybody(await token_of(ada, role="admin"))
    second = service.anybody(await token_of(first, role="admin"))
    personal = service.anybody(await token_of(ada, person=await service.person_id("ada")))
    made = await registered(second, tmp_path)

    tries = [
        await http.post(f"/v1/policies/{made}/activation", json={"comment": "mine"})
        for http in (ada, first, second, personal)
    ]

    assert [answered(one) for one in tries] == [
        "separation_of_duties",
        "not_allowed",
        "not_allowed",
        "not_allowed",
    ]
    assert (
        answered(
            await ben.post(f"/v1/policies/{made}/activation", json={"comment": "looked at it"})
        )
        == ALLOWED
    )


async def test_a2_nobody_makes_a_personal_token_for_another(world: World) -> None:
    service = world.service
    ada = await service.signed_in("ada", Role.ADMIN)
    admin = service.anybody(await token_of(ada, role="admin"))

    for http in (ada, admin, await service.admin()):
        for whom in ("ben", "ben@example.com", await service.person_id("ben")):
            assert answered(await http.post("/v1/tokens", json={"person": whom})) == "not_allowed"


@pytest.mark.parametrize("act", ["approvals", "rejections", "overrides"])
async def test_a2_a14_a_personal_token_decides_nothing_and_its_person_does(
    world: World, act: str
) -> None:
    change = await world.submit()
    by_token = await world.service.person("ada")
    body = (
        {"comment": "looked at it"}
        if act == "overrides"
        else {"subject_digest": change["subject_digest"], "comment": "looked at it"}
    )

    answer = await by_token.post(f"/v1/changes/{change['id']}/{act}", json=body)

    assert (answered(answer), (await world.read(change))["approvals"]["given"]) == (
        "not_allowed",
        [],
    )
    assert "GATE_TOKEN_APPROVALS" in answer.json()["detail"]
    assert await world.act("ada", change) == "pending"


async def test_a2_the_operator_may_let_personal_tokens_decide(
    database_url: str, tmp_path: Path
) -> None:
    async with served(database_url, tmp_path, token_approvals=OnOff.ON) as service:
        world = await world_of(service)
        change = await world.submit(authors=["ben@example.com"])
        body = {"subject_digest": change["subject_digest"]}
        path = f"/v1/changes/{change['id']}/approvals"

        assert said(await (await service.person("ada")).post(path, json=body)) == "pending"
        assert (
            said(await (await service.person("ben")).post(path, json=body))
            == "separation_of_duties"
        )
        assert said(await (await service.admin()).post(path, json=body)) == "not_allowed"


async def test_a2_one_admin_takes_nobodys_account(world: World) -> None:
    service = world.service
    ben = await service.signed_in("ben")
    ada, chloe = (
        await service.signed_in("ada", Role.ADMIN),
        await service.signed_in("chloe", Role.ADMIN),
    )
    of_ada = service.anybody(await token_of(ada, role="admin"))
    ask = {"email": "ben@example.com"}

    alone = [await http.post("/v1/people", json=ask) for http in (ada, of_ada, ada)]
    of_the_host = await (await service.admin()).post("/v1/people", json=ask)
    together = await chloe.post("/v1/people", json=ask)
    again = await chloe.post("/v1/people", json=ask)

    assert [(one.status_code, one.json()["invitation"]) for one in (*alone, again)] == [
        (202, None)
    ] * 4
    assert answered(of_the_host) == "not_allowed"
    assert together.json()["invitation"].startswith("https://")
    assert (await ben.get("/v1/log")).status_code == 200


async def test_a2_an_admin_who_has_left_agrees_to_no_link_any_more(
    world: World, tmp_path: Path
) -> None:
    service, ask = world.service, {"email": "ben@example.com"}
    await service.signed_in("ben")
    lena = await service.signed_in("lena", Role.ADMIN)
    chloe = await service.signed_in("chloe", Role.ADMIN)
    assert (await lena.post("/v1/people", json=ask)).status_code == 202

    await adopt(service, tmp_path, lena=None)

    alone = await chloe.post("/v1/people", json=ask)
    assert (alone.status_code, alone.json()["invitation"]) == (202, None)


async def test_a2_a63_nobody_changes_their_own_role_through_however_many_tokens(
    world: World,
) -> None:
    service = world.service
    http = await service.signed_in("ada", Role.ADMIN)
    for _ in range(3):
        for named in ("ada", "ada@example.com", await service.person_id("ada")):
            assert (
                answered(await http.patch(f"/v1/people/{named}", json={"role": "auditor"}))
                == "not_allowed"
            )
        http = service.anybody(await token_of(http, role="admin"))


async def test_a2_what_an_admin_made_for_themself_ends_with_what_they_are(world: World) -> None:
    service = world.service
    ada, ben = (
        await service.signed_in("ada", Role.ADMIN),
        await service.signed_in("ben", Role.ADMIN),
    )
    first = await token_of(ada, role="admin")
    second = service.anybody(await token_of(service.anybody(first), role="auditor"))
    pipeline = service.anybody(
        await token_of(service.anybody(first), role="pipeline", services=["web"])
    )
    assert (await second.get("/v1/log")).status_code == 200

    await ben.patch("/v1/people/ada", json={"role": None})

    assert (await service.anybody(first).get("/v1/log")).status_code == 401
    assert (await second.get("/v1/log")).status_code == 401
    assert (await pipeline.get("/v1/changes")).status_code == 200


# A3: a person is no key


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(None, id="removed, and back again"),
        pytest.param(
            "{name: Lars Enander, emails: [lars@example.com]}", id="other identities in one stroke"
        ),
    ],
)
async def test_a3_nothing_passes_on_to_another_person_of_the_same_key(
    world: World, tmp_path: Path, entry: str | None
) -> None:
    service = world.service
    lena = await service.signed_in("lena", Role.ADMIN)
    before, token = (
        await service.person_id("lena"),
        service.anybody(await token_of(lena, person="lena")),
    )
    made = service.anybody(await token_of(lena, role="admin"))
    change = await world.submit(authors=["lena@example.com"])
    assert before in change["approvals"]["excluded"]

    await adopt(service, tmp_path, lena=entry)
    if entry is None:
        await adopt(service, tmp_path)

    assert await service.person_id("lena") != before
    for http in (lena, token, made):
        assert (await http.get("/v1/log")).status_code == 401
    again = await service.signed_in("lena")
    assert (await again.get("/v1/people")).status_code == 403
    if entry is not None:  # somebody else wrote nothing of it
        assert await world.act("lena", change) == "pending"


async def test_a3_whoever_keeps_an_identity_keeps_everything_under_another_key(
    world: World, tmp_path: Path
) -> None:
    service = world.service
    lena = await service.signed_in("lena")
    before = await service.person_id("lena")
    files = read_folder(never_frozen(tmp_path))
    files["catalog.yaml"] = re.sub(r"\blena\b(?!@)", "lv", files["catalog.yaml"])

    assert (await policies.adopt(service.gate, files, changed=True)).activated

    assert await service.person_id("lv") == before
    assert (await lena.get("/v1/log")).status_code == 200


async def test_a3_no_key_of_the_catalogue_stands_in_what_is_kept_for_ever(
    world: World, tmp_path: Path
) -> None:
    service = world.service
    change = await world.approved(authors=["lena@example.com"])
    body = {
        "commit": change["commit"],
        "artifacts": change["artifacts"],
        "environment": "production",
        "run": {"id": change["run"]["id"]},
    }
    admitted = await world.pipeline.post(f"/v1/changes/{change['id']}/admission", json=body)
    rejected = await world.submit(run={"id": "other"}, commit="b" * 40)
    assert await world.act("ada", rejected, "rejections") == "rejected"
    assert await world.act("ada", rejected, "overrides", subject_digest=None) == "rejected"
    ada = await service.signed_in("ada", Role.ADMIN)
    await ada.post("/v1/freezes", json={"reason": "Closing", "stop": True})
    await token_of(ada, person="ada")
    await ada.post("/v1/people", json={"email": "ben@example.com"})
    await registered(ada, tmp_path)

    keys = {
        person.key for person in (await service.gate.rulebooks.current()).catalogue.people.values()
    }
    kept = await service.gate.store.read(everything)
    statement = base64.b64decode(admitted.json()["payload"]).decode()

    assert [
        line for key in keys for line in kept.splitlines() if re.search(rf"\b{key}\b", line)
    ] == []
    assert [key for key in keys if key in statement] == []
    approvers = {await service.person_id("ada"), await service.person_id("ben")}
    assert set(json.loads(statement)["predicate"]["approvers"]) == approvers


def everything(conn: Connection) -> str:
    """Every table that nobody may erase."""
    tables = [table for table in metadata.sorted_tables if table.name not in NO_NAMES]
    rows = [value for table in tables for row in conn.execute(select(table)) for value in row]
    return "\n".join(
        bytes(one).decode(errors="replace") if isinstance(one, bytes | memoryview) else str(one)
        for one in rows
    )


# B11: tokens that were made for one thing


async def test_b11_a_change_token_dies_with_the_token_it_was_earned_with(world: World) -> None:
    service = world.service
    admin, text = await service.admin(), await service.token(Role.PIPELINE, "web")
    change = (await service.anybody(text).post("/v1/changes", json=request())).json()
    holder = service.anybody(change["change_token"])
    assert (await holder.get(f"/v1/changes/{change['id']}")).status_code == 200

    await admin.delete(f"/v1/tokens/{text.split('_')[1]}")

    assert (await holder.get(f"/v1/changes/{change['id']}")).status_code == 401
    closure = await holder.post(f"/v1/changes/{change['id']}/cancellation", json={})
    assert problem_name(closure) == "unauthenticated"


BEGAN = "2026-11-23T09:00:00Z"
INCIDENT = {"title": "Slow", "severity": "high", "began_at": BEGAN, "environment": "production"}


def alerts(*services: str) -> dict[str, Any]:
    """A notification of Alertmanager about these services."""
    labels = [
        {"alertname": "Slow", "severity": "critical", "service": service} for service in services
    ]
    fired = [
        {"status": "firing", "labels": one, "startsAt": BEGAN, "fingerprint": one["service"]}
        for one in labels
    ]
    return {"version": "4", "groupKey": "{}", "status": "firing", "alerts": fired}


@pytest.mark.parametrize("kind", HookKind)
async def test_b11_a_hook_token_is_for_one_kind_of_hook(world: World, kind: HookKind) -> None:
    http = world.service.anybody(await world.service.token(Role.HOOK, "web", hook=kind))

    allowed = {
        "alertmanager": await http.post("/v1/hooks/alertmanager", json=alerts("web")),
        "cdevents": await http.post("/v1/hooks/cdevents", json={}),
        "incidents": await http.post("/v1/incidents", json={**INCIDENT, "service": "web"}),
    }

    assert {name for name, answer in allowed.items() if answer.status_code != 403} == {
        str(kind),
        "incidents",
    }


async def test_b11_a_hook_token_is_for_its_services(world: World) -> None:
    service = world.service
    http = service.anybody(await service.token(Role.HOOK, "web", hook=HookKind.ALERTMANAGER))

    others = await http.post("/v1/hooks/alertmanager", json=alerts("checkout", "ledger"))
    some = await http.post("/v1/hooks/alertmanager", json=alerts("checkout", "web"))
    incident = await http.post("/v1/incidents", json={**INCIDENT, "service": "checkout"})

    assert (problem_name(others), problem_name(incident)) == ("not_allowed", "not_allowed")
    assert (some.json()["taken"], len(some.json()["ignored"])) == (1, 1)
    assert "not for checkout" in some.json()["ignored"][0]


async def test_b11_a_hook_token_puts_nothing_down_to_a_change_of_another_service(
    world: World,
) -> None:
    service = world.service
    pipeline = service.anybody(await service.token(Role.PIPELINE, "status-page"))
    body = request("1", service="status-page", facts=SMALL)
    change = (await pipeline.post("/v1/changes", json=body)).json()
    known = (
        await (await service.signed_in("ada")).post(
            "/v1/incidents", json={**INCIDENT, "service": "checkout"}
        )
    ).json()
    http = service.anybody(await service.token(Role.HOOK, "web", hook=HookKind.INCIDENTS))

    named = await http.post(
        "/v1/incidents", json={**INCIDENT, "service": "web", "change": change["id"]}
    )
    news = await http.post("/v1/incidents", json={**INCIDENT, "service": "web", "id": known["id"]})

    assert (problem_name(named), problem_name(news)) == ("not_allowed", "not_allowed")
