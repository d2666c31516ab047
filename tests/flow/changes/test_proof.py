"""The run that was judged is the run that deploys; a job of it from elsewhere is judged anew
(B10).
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from gate.core.change import Repository, Run
from gate.core.workload import Provider, Workload
from gate.errors import Conflict, GateError, NotAllowed
from gate.flow.caller import Caller, ChangeHolder
from gate.flow.identity.access import Access
from gate.flow.identity.change_tokens import change_token
from tests.builders import ISSUER, Wire, commit_of
from tests.flow.reviewers import approve
from tests.flow.shop import PIPELINE, Shop, make_files, open_shop

pytestmark = pytest.mark.anyio

PROTECTED = (
    "[{id: protected, title: From a protected branch, owner: platform, authorised_by: "
    "[release-managers], when: [change.ref_protected], up_to: critical, earn: none}]"
)
_serial = count()


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """Where only what comes from a protected branch passes by itself."""
    async with open_shop(database_url, tmp_path, make_files(standard_changes=PROTECTED)) as opened:
        yield opened


def job(workflow: str = "deploy.yml", branch: str = "main", run: str = "9001") -> Workload:
    """A job with a token of its own."""
    return Workload(
        issuer=ISSUER,
        provider=Provider.GITHUB,
        repository=Repository(ISSUER, 1001, "acme/checkout"),
        commit=commit_of("a"),
        run=Run(run, 1),
        jti=f"token-{next(_serial)}",
        expires_at=datetime(2199, 1, 1, tzinfo=UTC),
        login="zoe-z",
        ref=f"refs/heads/{branch}",
        ref_protected=branch == "main",
        event="push",
        workflow=workflow,
        services=frozenset({"checkout"}),
    )


async def holder(shop: Shop, change: Wire, by: Caller) -> Caller:
    """Whoever holds the change token that this caller was given."""
    if by is PIPELINE:  # its token is in no database
        return ChangeHolder(change["id"], by.caller)
    text = change_token(shop.gate.secrets.change_tokens, change["id"], by)
    return await Access(shop.gate).authenticate(text)


async def test_b10_what_a_protected_branch_may_do_is_not_done_for_another_one(shop: Shop) -> None:
    change = await shop.submit("a", job(), run=None)
    assert change["state"] == "approved"

    with pytest.raises(
        Conflict, match="the token proves refs/heads/mine; it is decided again"
    ) as refused:
        await shop.admit(change, job(branch="mine"))
    with pytest.raises(Conflict, match="the change is pending"):
        await shop.admit(change, job(branch="mine"))

    assert refused.value.problem == "stale_decision"
    assert (await shop.read(change))["state"] == "pending"


async def test_b10_what_people_approved_for_one_workflow_is_shown_again_for_another(
    shop: Shop,
) -> None:
    change = await shop.submit("a", job(branch="mine"), run=None)
    approved = await approve(shop, change, "farida")

    with pytest.raises(
        Conflict, match=r"decided for workflow deploy\.yml, the token proves other\.yml"
    ):
        await shop.admit(approved, job("other.yml", branch="mine"))

    first, second = await shop.records(change)
    seen = [record.case.facts["change.workflow"].value for record in (first, second)]
    assert (seen, second.asked.ref, second.carries) == (
        ["deploy.yml", "other.yml"],
        "refs/heads/mine",
        (1,),
    )
    assert (await shop.read(change))["title"] == change["title"]
    assert (await shop.admit(approved, job("other.yml", branch="mine")))["payload"]


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(PIPELINE, id="an API token"),
        pytest.param(job("mine.yml"), id="another workflow of the run"),
        pytest.param(job(branch="mine"), id="another branch of the run"),
    ],
)
async def test_b10_a_change_token_stands_for_what_was_proved_when_it_was_earned(
    shop: Shop, first: Caller
) -> None:
    run = Run("9001", 1)
    repository = Repository(ISSUER, 1001, "acme/checkout")
    change = await shop.submit("a", first, run=run, repository=repository)
    proved = await shop.submit("a", job(), run=run)
    assert (proved["id"], proved["state"]) == (change["id"], "approved")

    with pytest.raises(GateError, match="ask with a token of that run") as refused:
        await shop.admit(proved, await holder(shop, change, first))

    assert refused.value.problem == "identity_mismatch"
    assert await shop.admit(proved, await holder(shop, change, job()))


async def test_b10_a_token_that_says_less_is_another_one(shop: Shop) -> None:
    change = await shop.submit("a", job(), run=None)
    silent = replace(job(), ref=None, workflow=None, ref_protected=None)

    with pytest.raises(Conflict, match="decided for ref refs/heads/main, the token proves none"):
        await shop.admit(change, silent)

    assert (await shop.read(change))["state"] == "pending"


async def test_b10_another_run_learns_nothing_of_an_admission_that_was_given(shop: Shop) -> None:
    change = await shop.submit("a", job(), run=None)
    await shop.admit(change, job())

    for other in (job(run="9002"), job("other.yml", run="9002")):
        with pytest.raises(GateError) as refused:
            await shop.admit(change, other, run=Run("9002", 1))
        assert refused.value.problem == "consumed"


PROVED = (
    "[{id: proved, title: From a job of the environment, owner: platform, authorised_by: "
    "[release-managers], when: [environment.proved], up_to: critical, earn: none}]"
)


async def test_b10_a_job_without_the_environment_is_not_admitted_for_one_that_has_it(
    shop: Shop,
) -> None:
    await shop.adopt(standard_changes=PROVED)
    of_production = replace(job(), environment="production")
    change = await shop.submit("a", of_production, run=None)
    assert change["state"] == "approved"

    with pytest.raises(Conflict) as stale:
        await shop.admit(change, job())

    assert stale.value.problem == "stale_decision"
    assert (await shop.read(change))["state"] == "pending"


async def test_b10_a_job_without_the_environment_is_not_given_the_admission_of_one_that_has_it(
    shop: Shop,
) -> None:
    await shop.adopt(standard_changes=PROVED)
    of_production = replace(job(), environment="production")
    change = await shop.submit("a", of_production, run=None)
    first = await shop.admit(change, replace(of_production, jti="another"))

    with pytest.raises(NotAllowed, match="deploy in the job that was admitted"):
        await shop.admit(change, job())

    assert await shop.admit(change, replace(of_production, jti="a third")) == first


@pytest.mark.parametrize(
    "other", [job("other.yml"), job(branch="mine")], ids=["another workflow", "another ref"]
)
async def test_b10_another_job_of_the_run_is_not_given_its_admission(
    shop: Shop, other: Workload
) -> None:
    change = await shop.submit("a", job(), run=None)
    first = await shop.admit(change, job())

    with pytest.raises(NotAllowed, match="deploy in the job that was admitted") as refused:
        await shop.admit(change, other)

    assert refused.value.problem == "identity_mismatch"
    assert await shop.admit(change, job()) == first
