"""Over HTTP: nobody gets a change approved, or an approved one swapped, who may not (A01-A18, A53,
A62).
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gate.flow.caller import Role
from gate.flow.folder import read_folder
from tests.api.asgi import problem_name
from tests.api.served import IMAGE
from tests.attacks.world import OTHER, World, said
from tests.flow.shop import let_pass_now
from tests.shipped import never_frozen

pytestmark = pytest.mark.anyio

DECIDED = (
    "type",
    "risk",
    "band",
    "standard_change",
    "state",
    "route",
    "outcome",
    "approved_by",
    "submitted_at",
)
"""What only the gate says of a change."""


@pytest.mark.parametrize(
    ("people", "who"),
    [
        pytest.param({"authors": ["ada@example.com"]}, "ada", id="A01 the author"),
        pytest.param({"authors": ["ADA+x@Example.com"]}, "ada", id="A02 in other case, with a tag"),
        pytest.param({"authors": ["ada-ekberg"]}, "ada", id="A02 by a login"),
        pytest.param(
            {"authors": ["7+ada-ekberg@users.noreply.github.com"]},
            "ada",
            id="A02 by a no-reply address",
        ),
        pytest.param(
            {"authors": ["\uff41da@example.com"]}, "ada", id="A02 by a letter of another width"
        ),
        pytest.param(
            {"authors": ["\u0430da@example.com"]}, "ada", id="A02 by a letter of another alphabet"
        ),
        pytest.param(
            {"authors": ["zoe@example.com", "lena@example.com"]}, "lena", id="A03 a co-author"
        ),
        pytest.param({"requested_by": "hana@example.com"}, "hana", id="A03 the requester"),
        pytest.param(
            {"authors": ["robot[bot]"], "requested_by": "ben-okafor"},
            "ben",
            id="A04 whoever drives a bot",
        ),
    ],
)
async def test_who_is_behind_a_change_does_not_approve_it(
    world: World, people: dict[str, Any], who: str
) -> None:
    change = await world.submit(**people)

    assert await world.act(who, change) == "separation_of_duties"
    assert (await world.read(change))["approvals"]["given"] == []


@pytest.mark.parametrize(
    "people",
    [
        pytest.param({"authors": []}, id="A05 an empty list"),
        pytest.param({"authors": ["nobody@nowhere.example"]}, id="A05 an unmapped address"),
        pytest.param({"authors": ["dependabot[bot]"]}, id="A04 a bot alone"),
        pytest.param({"authors": ["project_1_bot_4f"]}, id="A04 a bot of GitLab alone"),
    ],
)
async def test_nobody_known_as_author_means_two_approvers_and_one_person_is_one(
    world: World, people: dict[str, Any]
) -> None:
    change = await world.submit(**people, requested_by=None)

    assert [await world.act("ada", change) for _ in range(2)] == ["pending", "pending"]  # A12
    assert await world.act("ben", change) == "approved"


OTHERS: Mapping[str, dict[str, Any]] = {
    "A06 another artifact": {"artifacts": [OTHER]},
    "A06 none": {"artifacts": []},
    "A06 one more": {"artifacts": [IMAGE, OTHER]},
    "A07 another commit": {"commit": "b" * 40},
    "A08 another environment": {"environment": "staging"},
    "A08 a longer name": {"environment": "production-eu"},
}


async def test_what_was_approved_is_what_is_admitted(world: World) -> None:
    change = await world.approved()

    answers = {name: await world.admit(change, **other) for name, other in OTHERS.items()}

    assert answers == dict.fromkeys(OTHERS, "subject_mismatch")
    assert await world.admit(change) == "admitted"


async def test_a07_a_new_commit_has_no_approvals_of_the_old_one(world: World) -> None:
    old = await world.approved()
    new = await world.submit(commit="b" * 40, run={"id": old["run"]["id"], "attempt": 2})

    assert (new["state"], new["approvals"]["given"]) == ("pending", [])
    assert (
        await world.admit(new, commit="b" * 40, run={"id": old["run"]["id"], "attempt": 2})
        == "not_approved"
    )


async def test_a09_one_approval_is_for_one_run(world: World) -> None:
    change = await world.approved()

    assert [await world.admit(change) for _ in range(2)] == ["admitted", "admitted"]
    assert await world.admit(change, run={"id": "another"}) == "consumed"
    assert await world.admit(change, run={"id": change["run"]["id"], "attempt": 2}) == "consumed"


@pytest.mark.parametrize(("hours", "problem"), [(3.9, "admitted"), (4.1, "expired")])
async def test_a10_an_approval_is_good_for_its_time_by_the_clock_of_the_database(
    world: World, hours: float, problem: str
) -> None:
    change = await world.approved()
    await world.service.gate.store.write(
        let_pass_now, timedelta(hours=hours) // timedelta(microseconds=1)
    )

    assert await world.admit(change) == problem


async def test_a13_a_form_that_was_loaded_before_does_not_count(world: World) -> None:
    change = await world.submit()

    assert await world.act("ada", change, subject_digest="0" * 64) == "subject_mismatch"
    assert await world.act("ada", change, subject_digest=None) == "invalid"


async def test_a14_no_machine_approves_rejects_or_overrides(world: World) -> None:
    change = await world.submit()
    body = {"subject_digest": change["subject_digest"], "comment": "x"}

    for http in (
        world.pipeline,
        await world.service.admin(),
        await world.service.auditor(),
        world.service.anybody(change["change_token"]),
    ):
        for act in ("approvals", "rejections", "overrides", "post-review"):
            assert (
                await http.post(f"/v1/changes/{change['id']}/{act}", json=body)
            ).status_code == 403
    assert (await world.read(change))["state"] == "pending"


async def test_a15_a33_nobody_tells_the_gate_what_it_decides(world: World) -> None:
    body = {"service": "web", "environment": "production", "commit": "a" * 40}

    found = {}
    for field in DECIDED:
        answer = await world.pipeline.post("/v1/changes", json={**body, field: "low"})
        found[field] = problem_name(answer) if answer.is_error else "taken"

    assert found == dict.fromkeys(DECIDED, "invalid")
    assert (await world.pipeline.get("/v1/changes")).json()["items"] == []


async def test_a15_a_claim_of_what_only_the_code_host_knows_helps_nothing(world: World) -> None:
    plain = await world.submit()
    forged = await world.submit(
        facts={"checks": {"failed": 0, "pending": 0, "passed": 9}, "reviews": {"approvals": 9}}
    )

    assert (plain["state"], forged["state"]) == ("pending", "pending")
    assert forged["risk"]["score"] >= plain["risk"]["score"]


async def test_a17_who_has_left_the_group_no_longer_counts_when_it_is_admitted(
    world: World, tmp_path: Path
) -> None:
    change = await world.approved()
    shipped = read_folder(never_frozen(tmp_path))
    catalogue = shipped["catalog.yaml"].replace(
        "release-managers: {people: [ada, ben, chloe]}",
        "release-managers: {people: [ada, chloe, emeka]}",
    )
    files = {**shipped, "catalog.yaml": catalogue}
    registered = await (await world.service.admin()).post("/v1/policies", json={"files": files})
    admin = await world.service.signed_in("emeka", Role.ADMIN)
    activated = await admin.post(
        f"/v1/policies/{registered.json()['id']}/activation", json={"comment": "left"}
    )

    assert activated.status_code == 200
    assert await world.admit(change) == "not_approved"


async def test_a18_what_people_rejected_stays_rejected_however_often_it_is_asked(
    world: World,
) -> None:
    change = await world.submit()
    assert await world.act("lena", change, "rejections") == "rejected"

    again = [await world.submit() for _ in range(5)]

    assert {(one["id"], one["state"]) for one in again} == {(change["id"], "rejected")}


async def test_a53_a_report_hides_no_failure_and_none_counts_for_what_was_never_admitted(
    world: World,
) -> None:
    admitted = await world.approved(commit="b" * 40)
    await world.admit(admitted, commit="b" * 40)
    never = await world.submit()

    async def report(change: dict[str, Any], result: str) -> dict[str, Any]:
        answer = await world.pipeline.post(
            f"/v1/changes/{change['id']}/closure", json={"result": result}
        )
        found: dict[str, Any] = answer.json()
        return found

    assert (await report(never, "successful"))["state"] == "pending"
    assert (await report(admitted, "unsuccessful"))["closed"]["result"] == "unsuccessful"
    assert (await report(admitted, "successful"))["closed"]["result"] == "unsuccessful"


async def test_a62_an_emergency_needs_a_reason_an_incident_and_somebody_on_call(
    world: World,
) -> None:
    for half in (
        {"reason": "it burns"},
        {"incident": "INC-1"},
        {"reason": " ", "incident": "INC-1"},
    ):
        body = {
            "service": "web",
            "environment": "production",
            "commit": "a" * 40,
            "emergency": half,
        }
        assert said(await world.pipeline.post("/v1/changes", json=body)) == "invalid"
    change = await world.submit(emergency={"reason": "it burns", "incident": "INC-1"})

    assert (change["type"], change["state"]) == ("emergency", "pending")
    assert await world.act("ada", change) == "not_allowed"
    assert await world.act("goran", change) in {"pending", "approved"}
