"""Over HTTP: who turns out to have taken part decides nothing any more (A01-A04), and no detour
brings a no to a yes (A13, A18, A62).
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gate.flow.caller import Role
from gate.flow.folder import read_folder
from tests.api.served import COMMIT, IMAGE, SMALL, served
from tests.attacks.world import OTHER, World, said, world_of
from tests.builders import ISSUER
from tests.identity_provider import Provider, provider
from tests.integrations.github.test_hook import SECRET, signature
from tests.shipped import never_frozen

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, slots=True)
class Runs:
    """The service, and what its code hosts say: tokens of jobs, and webhooks."""

    world: World
    github: Provider
    gitlab: Provider
    policies: Path

    async def ask(self, token: str, **fields: Any) -> dict[str, Any]:
        """A job asks with its own token, which says who started it."""
        body = {
            "service": "web",
            "environment": "production",
            "commit": COMMIT,
            "artifacts": [IMAGE],
            "facts": SMALL,
            **fields,
        }
        answer = await self.world.service.anybody(token).post("/v1/changes", json=body)
        assert answer.status_code in {200, 201}, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def admit(self, change: dict[str, Any], token: str, attempt: int) -> str:
        """A job asks for the last word before it deploys."""
        run = {"id": change["run"]["id"], "attempt": attempt}
        body = {
            "commit": change["commit"],
            "artifacts": change["artifacts"],
            "environment": change["environment"],
            "run": run,
        }
        answer = await self.world.service.anybody(token).post(
            f"/v1/changes/{change['id']}/admission", json=body
        )
        return "admitted" if answer.status_code == 200 else said(answer)

    async def push(self, login: str, commit: str) -> int:
        """GitHub tells who pushed."""
        payload = {
            "deleted": False,
            "after": commit,
            "commits": [],
            "pusher": {"name": login},
            "repository": {"id": 1003},
        }
        body = json.dumps(payload).encode()
        headers = {
            "X-Hub-Signature-256": signature(body),
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": login,
            "Content-Type": "application/json",
        }
        return (
            await self.world.service.anybody().post(
                "/v1/hooks/github", content=body, headers=headers
            )
        ).status_code

    async def learn(self, old: str, new: str) -> None:
        """Another catalogue is in force."""
        files = read_folder(self.policies)
        files["catalog.yaml"] = files["catalog.yaml"].replace(old, new)
        service = self.world.service
        registered = await (await service.admin()).post("/v1/policies", json={"files": files})
        path = f"/v1/policies/{registered.json()['id']}/activation"
        admin = await service.signed_in("goran", Role.ADMIN)
        activated = await admin.post(path, json={"comment": "one more address"})
        assert activated.status_code == 200


@pytest.fixture
async def runs(database_url: str, tmp_path: Path) -> AsyncIterator[Runs]:
    """On both kinds of database; `web` is deployed from the tests' own GitHub, `status-page` from
    their GitLab.
    """
    policies = never_frozen(tmp_path)
    with provider() as github, provider() as gitlab:
        file = policies / "catalog.yaml"
        both = (
            f'{{issuer: "{github.url}", id: 1003}}, {{provider: github, id: 1003, name: '
            "acme/storefront}"
        )
        text = file.read_text().replace("{provider: github, id: 1003, name: acme/storefront}", both)
        file.write_text(text.replace("https://gitlab.example.com", gitlab.url))
        issuers = json.dumps([github.setting("github"), gitlab.setting("gitlab")])
        async with served(
            database_url, tmp_path, policies=policies, issuers=issuers, github_webhook_secret=SECRET
        ) as service:
            yield Runs(await world_of(service), github, gitlab, policies)


async def test_a03_whoever_runs_it_again_does_not_approve_it(runs: Runs) -> None:
    for change, again, who in (
        (
            await runs.ask(runs.github.github()),
            await runs.ask(runs.github.github(run_attempt="2", actor="ben-okafor")),
            "ben",
        ),
        (
            await runs.ask(runs.gitlab.gitlab(), service="status-page"),
            await runs.ask(
                runs.gitlab.gitlab(
                    job_id="303", user_login="ben.okafor", user_email="ben@example.com"
                ),
                service="status-page",
            ),
            "ben",
        ),
    ):
        assert again["id"] == change["id"]
        assert await runs.world.service.person_id(who) in again["approvals"]["excluded"]
        assert await runs.world.act(who, again) == "separation_of_duties"


async def test_a03_an_approver_whose_token_admits_approved_nothing(runs: Runs) -> None:
    change = await runs.ask(runs.github.github())
    assert [await runs.world.act(who, change) for who in ("ada", "ben")] == ["pending", "approved"]

    assert (
        await runs.admit(change, runs.github.github(run_attempt="2", actor="ben-okafor"), 2)
        == "not_approved"
    )
    assert await runs.admit(change, runs.github.github(), 1) == "not_approved"

    waits = await runs.world.read(change)
    assert (
        waits["state"],
        [one["person"] for one in waits["approvals"]["given"] if not one["lapsed"]],
    ) == ("pending", [await runs.world.service.person_id("ada")])
    assert await runs.world.act("chloe", waits) == "approved"
    assert await runs.admit(waits, runs.github.github(), 1) == "admitted"


async def test_a02_whoever_changes_their_login_stays_who_they_are(runs: Runs) -> None:
    await runs.learn("github: [ben-okafor]", "github: [ben-okafor#34]")
    renamed = runs.github.github(actor="benny", actor_id="34")
    change = await runs.ask(renamed)

    assert await runs.world.service.person_id("ben") in change["approvals"]["excluded"]
    assert await runs.world.act("ben", change) == "separation_of_duties"


async def test_a03_a_pusher_is_excluded_from_the_answer_to_the_webhook_on(runs: Runs) -> None:
    change = await runs.world.submit(repository={"issuer": ISSUER, "id": 1003})
    assert await runs.world.act("ada", change) == "pending"

    assert await runs.push("ben-okafor", change["commit"]) == 202
    assert await runs.world.act("ben", change) == "separation_of_duties"
    assert await runs.push("ada-ekberg", change["commit"]) == 202
    assert (await runs.world.read(change))["approvals"]["required"][0]["missing"] == 2


async def test_a02_an_address_that_the_catalogue_learns_is_the_authors(runs: Runs) -> None:
    change = await runs.world.submit(authors=["ada@home.example"])
    assert [await runs.world.act(who, change) for who in ("ada", "ben")] == ["pending", "approved"]

    await runs.learn("emails: [ada@example.com]", "emails: [ada@example.com, ada@home.example]")

    assert await runs.world.act("ada", change) == "separation_of_duties"
    assert await runs.world.admit(change) == "not_approved"


async def test_a01_a_run_that_names_its_author_at_last_keeps_no_approval_of_theirs(
    runs: Runs,
) -> None:
    change = await runs.world.submit()
    assert [await runs.world.act(who, change) for who in ("ada", "ben")] == ["pending", "approved"]
    again = await runs.world.submit(
        run={"id": change["run"]["id"]}, authors=["kofi@example.com", "ada@example.com"]
    )

    both = {await runs.world.service.person_id(one) for one in ("ada", "kofi")}
    assert (again["id"], set(again["approvals"]["excluded"])) == (change["id"], both)
    assert await runs.world.admit(change) == "not_approved"


@pytest.mark.parametrize("artifacts", [[IMAGE, OTHER], [], [OTHER]])
async def test_a18_no_dummy_artifact_leads_around_a_rejection(
    runs: Runs, artifacts: list[dict[str, str]]
) -> None:
    change = await runs.world.submit()
    assert await runs.world.act("lena", change, "rejections") == "rejected"

    again = await runs.world.submit(artifacts=artifacts)

    assert (again["id"], again["state"]) == (change["id"], "rejected")


async def test_a13_an_approval_of_a_night_is_none_of_a_noon(runs: Runs) -> None:
    night = datetime.now(UTC) + timedelta(days=1)

    def planned(begins: datetime) -> dict[str, str]:
        return {
            "start": f"{begins:%Y-%m-%dT%H:%M:%SZ}",
            "end": f"{night + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}",
        }

    change = await runs.world.submit(planned=planned(night))
    assert await runs.world.act("ada", change) == "pending"

    again = await runs.world.submit(
        run={"id": change["run"]["id"]}, planned=planned(night - timedelta(hours=20))
    )

    assert [(one["person"], one["lapsed"]) for one in again["approvals"]["given"]] == [
        (await runs.world.service.person_id("ada"), True)
    ]
    assert await runs.world.act("ben", change) == "subject_mismatch"
    assert await runs.world.act("ben", again) == "pending"


@pytest.mark.parametrize("who", ["hana", "lena"])
async def test_a62_who_wrote_or_asked_for_an_emergency_does_not_review_it(
    runs: Runs, who: str
) -> None:
    change = await runs.world.submit(
        authors=["hana@example.com"],
        requested_by="lena@example.com",
        emergency={"reason": "it burns", "incident": "INC-1"},
    )
    assert [await runs.world.act(one, change) for one in ("goran", "emeka")][-1] == "approved"
    assert await runs.world.admit(change) == "admitted"

    review: dict[str, Any] = {"subject_digest": None, "findings": "all went well"}
    assert await runs.world.act(who, change, "post-review", **review) == "separation_of_duties"
    assert await runs.world.act("kofi", change, "post-review", **review) == "deploying"


@pytest.mark.parametrize("what", [{"window": "year-end"}, {"window": "none"}, {"stop": True}, {}])
async def test_who_may_not_override_is_refused_before_anything_is_looked_at(
    runs: Runs, what: dict[str, Any]
) -> None:
    change = await runs.world.submit(authors=["ada@example.com"])

    for who, problem in (
        ("jin", "not_allowed"),
        ("ada", "separation_of_duties"),
        ("ben", "state_conflict"),
    ):
        assert (
            await runs.world.act(who, change, "overrides", subject_digest=None, **what) == problem
        )
