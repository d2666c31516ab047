"""Who deploys is who was judged: the run, the ref and the workflow that a token proved when it was
decided (B10).
"""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.api.asgi import problem_name
from tests.api.pipelines import Pipelines, ask
from tests.identity_provider import COMMIT

pytestmark = pytest.mark.anyio

BRANCH: Mapping[str, str] = {"ref": "refs/heads/of-somebody", "ref_protected": "false"}
OTHER_WORKFLOW: Mapping[str, str] = {
    "job_workflow_ref": "acme/storefront/.github/workflows/mine.yml@refs/heads/main"
}
RUN, OTHER_RUN = "9001", "9002"
ENDS = ("successful", "unsuccessful")


async def admission(
    world: Pipelines, change: dict[str, Any], token: str, run: str = RUN
) -> httpx.Response:
    """Somebody with that token asks for the last check."""
    body = {"commit": COMMIT, "environment": "staging", "run": {"id": run}}
    return await world.post(f"/v1/changes/{change['id']}/admission", token, body)


def said(answer: httpx.Response) -> str:
    """`admitted`, or the name of the problem."""
    return "admitted" if answer.status_code == httpx.codes.OK else problem_name(answer)


async def read(world: Pipelines, change: dict[str, Any]) -> dict[str, Any]:
    """The decision in force, with its facts."""
    answer = await (await world.service.auditor()).get(f"/v1/changes/{change['id']}/decisions")
    found: dict[str, Any] = answer.json()["items"][0]
    return found


@pytest.mark.parametrize(
    "claims", [{}, BRANCH, OTHER_WORKFLOW], ids=["the same ref", "a branch", "another workflow"]
)
async def test_b10_another_run_of_the_repository_deploys_nothing_that_was_decided_for_this_one(
    world: Pipelines, claims: Mapping[str, str]
) -> None:
    change = (await world.submit(world.github.github())).json()
    assert change["state"] == "approved"

    answer = await admission(
        world, change, world.github.github(run_id=OTHER_RUN, **claims), OTHER_RUN
    )

    assert (said(answer), answer.status_code) == ("identity_mismatch", 403)
    assert f"decided for run {RUN}" in answer.json()["detail"]
    assert said(await admission(world, change, world.github.github())) == "admitted"


async def test_b10_another_run_of_the_repository_ends_nothing_that_was_decided_for_this_one(
    world: Pipelines,
) -> None:
    """It may be a run of a branch, or of a pull request, that nobody has merged."""
    change = (await world.submit(world.github.github())).json()
    path = f"/v1/changes/{change['id']}"
    elsewhere = {"run_id": OTHER_RUN, "event_name": "pull_request", "ref": "refs/pull/7/merge"}

    async def asked(act: str, body: dict[str, Any], **claims: str) -> httpx.Response:
        return await world.post(f"{path}/{act}", world.github.github(**claims), body)

    canceled = await asked("cancellation", {}, **elsewhere)
    assert said(await admission(world, change, world.github.github())) == "admitted"
    closed = [await asked("closure", {"result": one}, **elsewhere) for one in ENDS]

    assert problem_name(canceled) == "not_allowed"
    assert [problem_name(one) for one in closed] == ["identity_mismatch", "identity_mismatch"]
    assert f"a change of run {RUN}" in closed[0].json()["detail"]
    own = await asked("closure", {"result": "successful"})
    assert own.json()["state"] == "closed"


async def test_b10_what_is_not_merged_reports_nothing_of_production(world: Pipelines) -> None:
    http = await world.service.pipeline("web")
    asked = ask(environment="production", run={"id": "of-another-system"})
    change = (await http.post("/v1/changes", json=asked)).json()

    async def closed(**claims: str) -> httpx.Response:
        token = world.github.github(**claims)
        return await world.post(f"/v1/changes/{change['id']}/closure", token, {"result": ENDS[0]})

    refused = [
        await closed(event_name="pull_request_target"),
        await closed(ref="refs/pull/7/merge"),
    ]

    assert [problem_name(one) for one in refused] == ["not_allowed", "not_allowed"]
    assert (await closed()).status_code == httpx.codes.OK


async def test_b10_a_secret_of_the_service_is_no_proof_of_the_run(world: Pipelines) -> None:
    change = (await world.submit(world.github.github())).json()
    secret = (await world.service.pipeline("web")).headers["Authorization"].removeprefix("Bearer ")

    for run in (RUN, OTHER_RUN):
        assert said(await admission(world, change, secret, run)) == "identity_mismatch"
    assert (await world.service.anybody(secret).get(f"/v1/changes/{change['id']}")).json()[
        "state"
    ] == "approved"


async def test_b10_a_change_token_speaks_for_its_own_run_alone(world: Pipelines) -> None:
    change = (await world.submit(world.github.github())).json()

    assert (
        said(await admission(world, change, change["change_token"], OTHER_RUN))
        == "identity_mismatch"
    )
    assert said(await admission(world, change, change["change_token"])) == "admitted"
    assert (
        said(await admission(world, change, change["change_token"])) == "admitted"
    )  # the same three again


@pytest.mark.parametrize(
    "claims", [BRANCH, OTHER_WORKFLOW], ids=["another ref", "another workflow"]
)
async def test_b10_a_job_of_the_run_from_elsewhere_is_judged_by_what_its_own_token_proves(
    world: Pipelines, claims: Mapping[str, str]
) -> None:
    change = (await world.submit(world.github.github())).json()

    answer = await admission(world, change, world.github.github(**claims))
    decided = await read(world, change)
    again = await admission(world, change, world.github.github(**claims))

    assert (said(answer), answer.status_code) == ("stale_decision", 409)
    proved = {
        "ref": decided["facts"]["change.ref"]["value"],
        "job_workflow_ref": decided["facts"]["change.workflow"]["value"],
    }
    assert decided["decision"] == 2
    assert {name: proved[name] for name in claims if name in proved} == {
        name: claims[name] for name in claims if name in proved
    }
    assert said(again) == "admitted"


@pytest.mark.parametrize("environment", ["staging", "production"], ids=["approved", "pending"])
async def test_b10_a_secret_of_the_service_does_not_join_a_run_that_proved_itself(
    world: Pipelines, environment: str
) -> None:
    """The answer would hold the token of the change, and a decision made again would be without any
    proof.
    """
    change = (await world.submit(world.github.github(), ask(environment=environment))).json()
    listed = {"issuer": world.github.url, "id": 1003}
    joining = ask(
        environment=environment, repository=listed, run={"id": RUN}, artifacts=change["artifacts"]
    )

    answers = [
        await (await world.service.pipeline("web")).post("/v1/changes", json=joining | different)
        for different in (
            {},
            {"run": {"id": RUN, "attempt": 2}},
            {"commit": "d" * 40, "run": {"id": RUN, "attempt": 2}},
        )
    ]

    assert [problem_name(answer) for answer in answers] == ["identity_mismatch"] * 3
    assert (await read(world, change))["decision"] == 1


async def test_b10_another_job_of_the_run_that_joins_an_approval_is_judged_first(
    world: Pipelines,
) -> None:
    change = (await world.submit(world.github.github())).json()

    joined = (await world.submit(world.github.github(**OTHER_WORKFLOW))).json()

    assert (joined["id"], joined["decision"]["number"]) == (change["id"], 2)
    decided = (await read(world, change))["facts"]["change.workflow"]["value"]
    assert decided == OTHER_WORKFLOW["job_workflow_ref"]


async def test_b10_where_no_token_proved_anything_a_secret_of_the_service_admits(
    world: Pipelines,
) -> None:
    http = await world.service.pipeline("web")
    change = (await http.post("/v1/changes", json=ask(run={"id": RUN}))).json()

    assert (
        said(await admission(world, change, http.headers["Authorization"].removeprefix("Bearer ")))
        == "admitted"
    )
