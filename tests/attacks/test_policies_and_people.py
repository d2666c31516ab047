"""Over HTTP: policies and bodies that are weapons or were swapped, and admins who serve themselves
(A54-A60, A63).
"""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gate.flow.caller import Role
from gate.flow.folder import read_folder
from tests.api.asgi import problem_name
from tests.api.served import ROOT, Served, served

pytestmark = pytest.mark.anyio

FILES = read_folder(ROOT / "policies")
POLICY = FILES["default.yaml"]
SECONDS_MAX = 2.0
"""Generous: a bomb takes minutes."""

WEAPONS = {
    "A56 an alias": "a: &a [x]\nb: *a\n",
    "A56 a merge key": "a: &a {x: 1}\nb: {<<: *a}\n",
    "A56 deep nesting": "a: " + "[" * 5_000 + "]" * 5_000,
    "A56 a huge scalar": "a: " + "x" * 300_000,
    "A56 two documents": POLICY + "---\n" + POLICY,
    "A56 a tag": "policy: !!python/object:os.system x\n",
    "A56 a key twice": POLICY + "policy: default\n",
    "A56 a key that is no text": POLICY + "? [a]\n: 1\n",
    "A57 an expression of another language": POLICY.replace(
        "when: [", "when: ['diff.lines_added < 1 and 1', ", 1
    ),
    "A59 a policy that decides nothing by itself": "policy: default\n",
    "A59 an unknown field": POLICY + "requirement: []\n",
}


def many(word: str, number: int, entry: str = "") -> str:
    """So many lines, each with another name."""
    return "".join(f"  {word}{k:05}{entry}\n" for k in range(number))


PLACES = (
    "environments:\n" + many("e", 600, ": {tier: other}") + "services:\n" + many("s", 600, ": {}")
)
GROUPS = "groups:\n" + many("group", 6_000, ": {}")
REMIND = "remind:\n  after: 1h\n  escalate_to:\n"
BOMBS: dict[str, dict[str, str]] = {
    "more places than anybody has": {
        "catalog.yaml": PLACES + "  observed: {gate: {e00000: observe}}\n"
    },
    "long lists": {
        f"long{k}.yaml": f"policy: long{k}\nrules: []\n" + REMIND + many("- g", 9_900)
        for k in range(6)
    },
    "many misspelt groups": {
        "catalog.yaml": GROUPS,
        "default.yaml": POLICY + REMIND + many("- grp", 1_000),
    },
}
"""Small files, of which each entry has something to do with each other one."""


@pytest.fixture
async def service(database_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    """On both kinds of database."""
    async with served(database_url, tmp_path) as running:
        yield running


async def test_a_policy_that_is_a_weapon_or_ambiguous_is_refused_at_once(service: Served) -> None:
    http = await service.admin()
    before = (await http.get("/v1/policies")).json()

    found = {}
    for name, text in WEAPONS.items():
        files = FILES | {"default.yaml": text}
        began = time.process_time()
        answer = await http.post("/v1/policies/check", json={"files": files})
        problem = problem_name(answer) if answer.is_error else "taken"
        found[name] = (problem, time.process_time() - began < SECONDS_MAX)

    assert found == dict.fromkeys(WEAPONS, ("invalid", True))
    assert (await http.get("/v1/policies")).json() == before


@pytest.mark.parametrize("files", [pytest.param(one, id=name) for name, one in BOMBS.items()])
async def test_a56_what_anybody_may_check_costs_little(
    service: Served, files: dict[str, str]
) -> None:
    http = await service.person("ada")
    began = time.process_time()

    answer = await http.post("/v1/policies/check", json={"files": FILES | files})

    assert problem_name(answer) == "invalid"
    assert time.process_time() - began < SECONDS_MAX


WRONG = {
    "groups": {f"label{k}": {} for k in range(65_000)},
    "names": {"diff": {f"lines{k}": 1 for k in range(60_000)}},
}
"""Facts that nobody may claim, as many as fit into a body."""


@pytest.mark.parametrize("facts", [pytest.param(one, id=name) for name, one in WRONG.items()])
async def test_a60_a_body_full_of_faults_keeps_nobody_waiting(
    service: Served, facts: dict[str, Any]
) -> None:
    http = await service.pipeline()
    body = {"service": "web", "environment": "staging", "commit": "a" * 40, "facts": facts}
    began = time.process_time()

    answer = await http.post("/v1/evaluations", json=body)

    assert problem_name(answer) == "invalid"
    assert time.process_time() - began < SECONDS_MAX


async def test_a58_a_pattern_that_ruins_others_is_only_read_through(service: Served) -> None:
    rule = (
        "rules:\n  - {id: bad, title: Bad, points: 5, when: ['any diff.files matches "
        '"/^(a+)+$/"\']}\n'
    )
    text = (
        POLICY + rule if "\nrules:" not in POLICY else POLICY.replace("\nrules:\n", "\n" + rule, 1)
    )
    admins = await service.signed_in("ada", Role.ADMIN), await service.signed_in("ben", Role.ADMIN)
    made = await admins[0].post("/v1/policies", json={"files": FILES | {"default.yaml": text}})
    await admins[1].post(f"/v1/policies/{made.json()['id']}/activation", json={"comment": "fast"})
    body = {
        "service": "web",
        "environment": "staging",
        "commit": "a" * 40,
        "facts": {"diff": {"files": ["a" * 490 + "!"] * 1_000}},
    }
    began = time.process_time()

    answer = await (await service.pipeline()).post("/v1/evaluations", json=body)

    assert (made.status_code, answer.status_code) == (201, 200)
    assert time.process_time() - began < SECONDS_MAX


async def test_a54_nobody_puts_their_own_policies_in_force_and_what_was_registered_never_changes(
    service: Served,
) -> None:
    http = await service.signed_in("ada", Role.ADMIN)
    files = {"files": FILES | {"default.yaml": POLICY.replace("valid_for: 4h", "valid_for: 3h", 1)}}
    made = (await http.post("/v1/policies", json=files)).json()

    own = await http.post(f"/v1/policies/{made['id']}/activation", json={"comment": "mine"})
    by_pipeline = await (await service.pipeline()).post(
        f"/v1/policies/{made['id']}/activation", json={"comment": "mine"}
    )
    edits = [
        await http.request(verb, f"/v1/policies/{made['id']}", json=files)
        for verb in ("PUT", "PATCH", "DELETE")
    ]

    assert (problem_name(own), problem_name(by_pipeline)) == ("separation_of_duties", "not_allowed")
    assert {answer.status_code for answer in edits} == {405}
    assert (await http.get(f"/v1/policies/{made['id']}")).json()["active"] is False


async def test_a55_a_request_brings_no_policy_of_its_own(service: Served) -> None:
    http = await service.pipeline()
    body: dict[str, Any] = {"service": "web", "environment": "production", "commit": "a" * 40}

    for field in ("policy", "policies", "files"):
        assert (
            problem_name(await http.post("/v1/changes", json=body | {field: {"approve": "always"}}))
            == "invalid"
        )


async def test_a63_nothing_that_was_decided_is_changed_or_taken_away_even_by_an_admin(
    service: Served,
) -> None:
    change = (
        await (await service.pipeline()).post(
            "/v1/changes", json={"service": "web", "environment": "staging", "commit": "a" * 40}
        )
    ).json()
    http = await service.admin()
    paths = [
        f"/v1/changes/{change['id']}",
        f"/v1/changes/{change['id']}/decisions",
        "/v1/log",
        "/v1/ledger/key",
    ]

    answers = [
        await http.request(verb, path, json={})
        for verb in ("PUT", "PATCH", "DELETE")
        for path in paths
    ]

    assert {answer.status_code for answer in answers} == {405}
    assert (await http.get(paths[0])).json()["state"] == change["state"]
