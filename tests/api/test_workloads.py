"""What a pipeline's token proves, and what contradicts it: repository, commit, run, environment,
people (A14, A19, A22, A23).
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gate.core.workload import PRODUCTION_EVENTS
from tests.api.asgi import problem_name
from tests.api.pipelines import Pipelines, ask, pipelines, status_page
from tests.api.served import Served
from tests.identity_provider import COMMIT

pytestmark = pytest.mark.anyio
OTHER_COMMIT = "d" * 40


@pytest.fixture
async def small_world(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Pipelines]:
    """The same, on SQLite alone."""
    async with pipelines(sqlite_url, tmp_path) as running:
        yield running


async def test_a19_a_token_of_another_repository_of_the_same_issuer_passes_nowhere(
    world: Pipelines,
) -> None:
    tokens = {
        "the same name, another id": world.github.github(repository_id="666"),
        "the same subject, another id": world.github.github(
            repository_id="666", sub="repo:acme@65/storefront@1003:ref:refs/heads/main"
        ),
        "a name that looks alike": world.github.github(
            repository_id="10030", repository="acme/storefront-"
        ),
        "the id at another issuer": world.gitlab.gitlab(project_id="1003"),
    }

    answers = {name: await world.submit(token) for name, token in tokens.items()}
    reads = {
        name: await world.service.anybody(token).get("/v1/changes")
        for name, token in tokens.items()
    }

    assert {name: response.status_code for name, response in answers.items()} == dict.fromkeys(
        tokens, 403
    )
    assert {problem_name(response) for response in (*answers.values(), *reads.values())} == {
        "identity_mismatch"
    }
    assert await world.changes() == 0


async def test_a19_a_repository_deploys_only_the_services_that_list_it(world: Pipelines) -> None:
    token = world.github.github()

    answers = [
        await world.submit(token, ask(service=name))
        for name in ("checkout", "status-page", "unheard-of")
    ]
    elsewhere = await world.service.anybody(token).get("/v1/services/checkout/environments/staging")

    assert [problem_name(response) for response in (*answers, elsewhere)] == [
        "identity_mismatch"
    ] * 4
    assert (await world.submit(token, ask(service="search"))).status_code == 201


@pytest.mark.parametrize(
    "subject",
    [
        "repo:acme/storefront:ref:refs/heads/main",
        "repo:acme@65/storefront@1003:environment:prod",
        "anything",
    ],
)
async def test_the_form_of_the_subject_makes_no_difference(
    small_world: Pipelines, subject: str
) -> None:
    assert (await small_world.evaluate(small_world.github.github(sub=subject))).status_code == 200


@pytest.mark.parametrize("what", ["commit", "ref", "repository", "name", "run", "attempt"])
async def test_a22_a_body_that_says_otherwise_is_refused(world: Pipelines, what: str) -> None:
    listed = {"issuer": world.github.url, "id": 1003, "name": "ACME/storefront"}
    said: dict[str, Any] = {
        "commit": {"commit": OTHER_COMMIT},
        "ref": {"ref": "refs/heads/other"},
        "repository": {"repository": {**listed, "id": 1001}},
        "name": {"repository": {**listed, "name": "acme/checkout"}},
        "run": {"run": {"id": "9002", "attempt": 1}},
        "attempt": {"run": {"id": "9001", "attempt": 2}},
    }
    agreed = {
        "ref": "main",
        "repository": listed,
        "run": {"id": "9001", "attempt": 1, "step": "eu"},
    }

    contradicted = [
        await call(world.github.github(), ask(**agreed | said[what]))
        for call in (world.submit, world.evaluate)
    ]
    accepted = await world.submit(world.github.github(), ask(**agreed))

    assert [problem_name(response) for response in contradicted] == ["identity_mismatch"] * 2
    assert accepted.status_code == 201, accepted.text
    assert accepted.json()["repository"] == {
        "issuer": world.github.url,
        "id": 1003,
        "name": "acme/storefront",
    }


async def test_a22_what_the_body_leaves_out_the_token_says(world: Pipelines) -> None:
    change = (await world.submit(world.github.github(run_attempt="3"))).json()
    other = (
        await world.submit(world.gitlab.gitlab(), status_page(run={"id": "574", "step": "eu"}))
    ).json()

    assert change["run"] == {"id": "9001", "attempt": 3, "step": "", "url": None}
    assert change["repository"] == {
        "issuer": world.github.url,
        "id": 1003,
        "name": "acme/storefront",
    }
    assert (change["ref"], change["requested_by"]) == ("refs/heads/main", "kofi-mensah")
    assert other["run"] == {"id": "574", "attempt": 302, "step": "eu", "url": None}
    assert other["repository"] == {"issuer": world.gitlab.url, "id": 20, "name": "acme/status-page"}


async def test_a22_a_token_admits_and_closes_for_its_own_run_alone(world: Pipelines) -> None:
    change = (await world.submit(world.github.github())).json()
    path = f"/v1/changes/{change['id']}"
    body = {"commit": COMMIT, "environment": "staging", "run": {"id": "9001"}}

    async def tried(act: str, token: str, **different: Any) -> str:
        answer = await world.post(
            f"{path}/{act}", token, body | different if act == "admission" else different
        )
        return problem_name(answer) if answer.status_code != 200 else "done"

    assert (
        await tried("admission", world.github.github(), commit=OTHER_COMMIT) == "identity_mismatch"
    )
    assert (
        await tried("admission", world.github.github(), run={"id": "9002"}) == "identity_mismatch"
    )
    assert await tried("admission", world.github.github(environment="prod")) == "identity_mismatch"
    assert (
        await tried("admission", world.github.github(sha=OTHER_COMMIT), commit=OTHER_COMMIT)
        == "subject_mismatch"
    )
    assert await tried("admission", world.gitlab.gitlab()) == "not_found"
    assert await tried("admission", world.github.github(environment="Stage")) == "done"
    assert (
        await tried("closure", world.github.github(), result="successful", run={"id": "9002"})
        == "identity_mismatch"
    )
    assert await tried("closure", world.gitlab.gitlab(), result="successful") == "not_found"
    assert (
        await tried("closure", world.github.github(), result="successful", run={"id": "9001"})
        == "done"
    )


async def test_a23_what_is_not_merged_never_reaches_production(world: Pipelines) -> None:
    refused = {
        "pull_request": world.github.github(event_name="pull_request", ref="refs/pull/7/merge"),
        "pull_request_target": world.github.github(event_name="pull_request_target"),
    }
    merge_requests = {
        name: world.gitlab.gitlab(pipeline_source=name)
        for name in ("merge_request_event", "external_pull_request_event")
    }

    answers = [
        await world.submit(token, ask(environment=name))
        for token in refused.values()
        for name in ("production", "prod", "live")
    ]
    answers += [
        await world.submit(token, status_page(environment="prod"))
        for token in merge_requests.values()
    ]

    assert [problem_name(response) for response in answers] == ["not_allowed"] * 8
    assert (await world.submit(refused["pull_request"])).status_code == 201
    assert (await world.facts(merge_requests["merge_request_event"], status_page()))[
        "change.event"
    ] == ("pull_request", "token")


GITHUB_EVENTS = {
    "push": True, "schedule": True, "workflow_dispatch": True, "workflow_run": True, "release": True, "deployment": True,
    "repository_dispatch": True, "merge_group": True,
    "pull_request": False, "pull_request_target": False, "pull_request_review": False, "issue_comment": False, "issues": False,
    "discussion_comment": False, "watch": False, "fork": False, "create": False, "status": False, "check_suite": False,
    "Push": False, "push ": False, "made_up": False,
}  # fmt: skip
GITLAB_SOURCES = {
    "push": True, "web": True, "schedule": True, "api": True, "trigger": True, "pipeline": True, "parent_pipeline": True,
    "merge_request_event": False, "external_pull_request_event": False, "chat": False, "webide": False, "external": False,
    "ondemand_dast_scan": False, "security_orchestration_policy": False, "made_up": False,
}  # fmt: skip


async def test_c15_only_listed_events_reach_production(small_world: Pipelines) -> None:
    world = small_world
    github = {
        name: await world.evaluate(
            world.github.github(event_name=name, environment="prod"), ask(environment="prod")
        )
        for name in GITHUB_EVENTS
    }
    gitlab = {
        name: await world.evaluate(
            world.gitlab.gitlab(pipeline_source=name), status_page(environment="prod")
        )
        for name in GITLAB_SOURCES
    }
    elsewhere = [
        await world.evaluate(world.github.github(event_name=name)) for name in GITHUB_EVENTS
    ]

    assert {name: response.status_code == 200 for name, response in github.items()} == GITHUB_EVENTS
    assert {
        name: response.status_code == 200 for name, response in gitlab.items()
    } == GITLAB_SOURCES
    assert {response.status_code for response in elsewhere} == {200}
    assert {
        problem_name(one) for one in (*github.values(), *gitlab.values()) if one.status_code != 200
    } == {"not_allowed"}
    assert [set(events) for events in PRODUCTION_EVENTS.values()] == [
        {name for name, allowed in table.items() if allowed}
        for table in (GITHUB_EVENTS, GITLAB_SOURCES)
    ]


@pytest.mark.parametrize(
    "ref",
    [
        "refs/pull/7/merge",
        "refs/pull/7/head",
        "refs/merge-requests/7/head",
        "refs/merge-requests/7/train",
    ],
)
async def test_c15_a_request_never_reaches_production_whatever_its_event_and_whoever_asks(
    world: Pipelines, ref: str
) -> None:
    tokens = [
        world.github.github(event_name=name, ref=ref, environment="prod")
        for name in ("push", "workflow_run", "deployment")
    ]
    answers = [await world.submit(token, ask(environment="production")) for token in tokens]
    answers += [
        await world.submit(world.gitlab.gitlab(ref_path=ref), status_page(environment="prod"))
    ]
    answers += [
        await world.submit(
            world.gitlab.gitlab(ref_path=None, ref_type=None, ref=ref),
            status_page(environment="prod"),
        )
    ]
    bare = world.github.github(event_name="deployment", ref="", environment="prod")
    answers += [await world.submit(bare, ask(environment="production", ref=ref))]
    for said in (
        ref,
        ref.removeprefix("refs/"),
    ):  # with a secret nobody proves a ref, but whoever names this one is believed
        answers += [
            await (await world.service.pipeline()).post(
                "/v1/changes", json=ask(environment="production", ref=said)
            )
        ]

    assert [(one.status_code, problem_name(one)) for one in answers] == [(403, "not_allowed")] * 8
    assert await world.changes() == 0
    assert (await world.submit(world.github.github(ref=ref))).status_code == 201
    assert (
        await (await world.service.pipeline()).post("/v1/changes", json=ask(ref=ref))
    ).status_code == 201


@pytest.mark.parametrize(
    "said",
    [
        {"ref_path": None, "ref_type": None},
        {"ref_path": "refs/environments/x"},
        {"ref_path": None, "ref_type": "merge_request"},
    ],
)
async def test_c15_a_pipeline_of_neither_branch_nor_tag_never_reaches_production(
    small_world: Pipelines, said: dict[str, Any]
) -> None:
    to_production = await small_world.submit(
        small_world.gitlab.gitlab(**said), status_page(environment="production")
    )

    assert problem_name(to_production) == "not_allowed"
    assert (
        await small_world.submit(small_world.gitlab.gitlab(**said), status_page())
    ).status_code == 201


async def test_c15_a_branch_that_is_called_like_a_request_says_its_whole_name(
    world: Pipelines,
) -> None:
    token = world.github.github(ref="refs/heads/pull/7", environment="prod")

    assert (await world.submit(token, ask(environment="production"))).status_code == 201


async def test_a23_a_job_of_a_fork_is_nobodys_pipeline(world: Pipelines) -> None:
    fork = await world.submit(
        world.gitlab.gitlab(job_project_id="21", job_project_path="acme/other"), status_page()
    )
    own = await world.submit(
        world.gitlab.gitlab(job_project_id="20", job_project_path="acme/status-page"), status_page()
    )

    assert problem_name(fork) == "identity_mismatch"
    assert own.status_code == 201


async def test_a23_a_token_for_one_environment_asks_for_no_other(world: Pipelines) -> None:
    named = {
        "staging": True, "stage": True, "STAGE": True, "Staging": True,
        "production": False, "prod": False, "staging-eu": False, "development": False, "stagin": False,
        "web/stage": True, "web/Staging": True,
        "web/prod": False, "search/staging": False, "/staging": False, "web/": False, "Web/staging": False,
    }  # fmt: skip

    answers = {name: await world.evaluate(world.github.github(environment=name)) for name in named}
    refused = await world.evaluate(
        world.gitlab.gitlab(environment="prod"), status_page(environment="testing")
    )

    assert {name: response.status_code == 200 for name, response in answers.items()} == named
    assert {problem_name(answers[name]) for name, allowed in named.items() if not allowed} == {
        "identity_mismatch"
    }
    assert problem_name(refused) == "identity_mismatch"


async def test_a23_a_service_goes_only_where_the_catalogue_puts_it(world: Pipelines) -> None:
    answers = [
        await world.submit(world.gitlab.gitlab(), status_page(environment=name))
        for name in ("testing", "qa", "elsewhere")
    ]

    assert [problem_name(response) for response in answers] == ["identity_mismatch"] * 3


async def test_what_the_token_proves_is_a_fact_of_its_own_origin(world: Pipelines) -> None:
    facts = await world.facts(world.github.github(environment="stage", ref_protected="false"))
    unnamed = await world.facts(world.gitlab.gitlab(ref_path=None), status_page())
    silent = await world.facts(
        world.github.github(ref="", ref_protected=None, job_workflow_ref="x" * 201)
    )

    assert {name: facts[name] for name in facts if facts[name][1] == "token"} == {
        "change.event": ("push", "token"),
        "change.ref": ("refs/heads/main", "token"),
        "change.ref_protected": (False, "token"),
        "change.workflow": (
            "acme/automation/.github/workflows/deploy.yml@refs/heads/main",
            "token",
        ),
        "environment.proved": (True, "token"),
    }
    assert {name: unnamed[name][0] for name in unnamed if unnamed[name][1] == "token"} == {
        "change.event": "push",
        "change.ref": "refs/heads/main",
        "change.ref_protected": True,
        "change.workflow": "gitlab.example.com/acme/status-page//.gitlab-ci.yml@refs/heads/main",
        "environment.proved": False,
    }
    assert {name for name in silent if silent[name][1] == "token"} == {
        "change.event",
        "environment.proved",
    }


async def excluded(service: Served, change: dict[str, Any]) -> set[str]:
    """The keys of whoever may not approve it."""
    people = (await service.gate.rulebooks.current()).catalogue.people
    return {people[one].key for one in change["approvals"]["excluded"]}


async def test_whoever_started_the_run_may_not_approve_it_whatever_the_body_says(
    world: Pipelines,
) -> None:
    named = {"authors": ["lena@example.com"], "requested_by": "hana@example.com"}

    change = (await world.submit(world.github.github(actor="Kofi-Mensah"), ask(**named))).json()
    other = (await world.submit(world.gitlab.gitlab(user_login="ben.okafor"), status_page())).json()

    assert await excluded(world.service, change) == {"hana", "kofi", "lena"}
    assert change["requested_by"] == "hana@example.com"
    assert await excluded(world.service, other) == {
        "ben",
        "goran",
        "lena",
    }  # by login, by e-mail, by claim


@pytest.mark.parametrize(
    ("actor", "authors", "approvals"),
    [
        pytest.param("kofi-mensah", [], 1, id="a person"),
        pytest.param("stranger", [], 1, id="somebody outside the catalogue"),
        pytest.param("dependabot[bot]", [], 2, id="a bot is nobody"),
        pytest.param(None, [], 2, id="nobody"),
        pytest.param(None, ["lena@example.com"], 2, id="a claim alone"),
    ],
)
async def test_for_an_emergency_a_named_actor_suffices(
    small_world: Pipelines, actor: str | None, authors: list[str], approvals: int
) -> None:
    emergency = {"reason": "Checkout is down", "incident": "INC-7"}
    body = ask(environment="production", emergency=emergency, authors=authors)

    change = (await small_world.evaluate(small_world.github.github(actor=actor), body)).json()

    assert change["type"] == "emergency"
    assert sum(entry["count"] for entry in change["approvals"]["required"]) == approvals


async def test_a14_a_pipeline_reads_its_own_and_approves_nothing(world: Pipelines) -> None:
    token = world.github.github()
    change = (await world.submit(token)).json()
    http, other = world.service.anybody(token), world.service.anybody(world.gitlab.gitlab())
    path = f"/v1/changes/{change['id']}"

    assert (await http.get(path)).status_code == 200
    assert [one["id"] for one in (await http.get("/v1/changes")).json()["items"]] == [change["id"]]
    assert problem_name(await other.get(path)) == "not_found"
    assert (await other.get("/v1/changes")).json()["items"] == []
    assert problem_name(await http.get("/v1/log")) == "not_allowed"
    approval = await http.post(
        f"{path}/approvals", json={"subject_digest": change["subject_digest"]}
    )
    assert problem_name(approval) == "not_allowed"


async def test_a_repository_cancels_its_own_change_and_no_other(world: Pipelines) -> None:
    mine = (await world.submit(world.github.github())).json()
    http = await world.service.pipeline("web")
    others = (await http.post("/v1/changes", json=ask(run={"id": "77"}))).json()

    canceled = await world.post(f"/v1/changes/{mine['id']}/cancellation", world.github.github(), {})
    refused = await world.post(
        f"/v1/changes/{others['id']}/cancellation", world.github.github(), {}
    )

    assert canceled.json()["state"] == "canceled"
    assert problem_name(refused) == "not_allowed"


@pytest.mark.parametrize("given", ["a b", "x" * 2001, "a;b"])
async def test_h3_what_cannot_be_a_lent_token_is_refused_and_not_repeated(
    small_world: Pipelines, given: str
) -> None:
    http = small_world.service.anybody(small_world.github.github())
    http.headers["Gate-Host-Token"] = given

    answer = await http.post("/v1/changes", json=ask())

    assert (answer.status_code, problem_name(answer)) == (422, "invalid")
    assert given not in answer.text
