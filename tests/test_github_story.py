"""One story with a GitHub from end to end: a run waits, facts are verified, a person approves, the
run goes on, its end is seen.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from gate.config import Settings
from gate.connections import connections_of
from gate.flow.changes import review
from gate.flow.commands import ReviewCommand
from gate.flow.connections import Connections
from gate.flow.notifications.notify import Post
from gate.flow.webhooks import code_hosts, held_runs, inbox
from gate.integrations.github.hook import DELIVERY, EVENT, SIGNATURE
from tests.builders import Wire, make_person
from tests.flow.shop import ADA, ADMIN, Shop, make_files, open_shop
from tests.integrations.fake_github import APP_ID, FakeGitHub, app_key_text
from tests.integrations.github.test_hook import SECRET, held, signature
from tests.integrations.github_answers import BASE, HEAD, SPAN, commit, comparison, fake, file

pytestmark = pytest.mark.anyio

FILES = make_files(
    trust_claims="[]",
    unverified_authors="two",
    requirements="[{id: green, title: All checks passed, require: [checks.failed == 0, "
    "checks.pending "
    "== 0], otherwise: review}]",
)
RUN = {
    "id": 77,
    "run_attempt": 1,
    "head_sha": HEAD,
    "event": "push",
    "actor": {"login": "cy"},
    "head_branch": "main",
    "path": ".github/workflows/deploy.yml",
    "display_title": "Round half to even",
    "html_url": "https://github.com/acme/checkout/actions/runs/77",
}
REPOSITORY = {"id": 1001, "full_name": "acme/checkout"}


def connected(known: FakeGitHub) -> Connections:
    """As the settings of an operator connect it."""
    settings = {
        "github_app_id": APP_ID,
        "github_app_key": app_key_text(),
        "github_webhook_secret": SECRET,
    }
    return connections_of(Settings.read({}, **settings), known.open_client)


class Story:
    """What GitHub and the worker do, without waiting."""

    def __init__(self, shop: Shop, joined: Connections) -> None:
        self.gate = shop.gate
        self.joined = joined
        self.post = Post(self.gate, joined.deliveries)
        self.shop = shop
        self.found = 0

    async def send_report(self, event: str, payload: Any) -> None:
        """One delivery, and everything that follows."""
        self.found += 1
        body = json.dumps(payload).encode()
        headers = {SIGNATURE: signature(body), EVENT: event, DELIVERY: f"d-{self.found}"}
        await inbox.receive(
            self.gate,
            code_hosts.delivery("github", self.joined.hooks["github"].read(headers, body)),
        )
        await inbox.work(self.gate, code_hosts.HANDLERS)
        await self.settle()

    async def settle(self) -> None:
        """A round of the worker."""
        await self.shop.round()
        await held_runs.answer_due(self.gate)
        await self.post.turn()
        await self.post.settled()

    async def change(self, known: FakeGitHub) -> Wire:
        """The change that the first report names."""
        report = next(iter(known.reports.values()))[0]
        return await self.shop.read(report.rpartition("/")[2], ADMIN)


async def test_a_run_waits_until_a_person_has_approved_it_in_the_gate(
    database_url: str, tmp_path: Path
) -> None:
    ended = {"state": "success"}
    known = fake(
        runs={"77": RUN},
        waiting={"77": {"production"}},
        compares={
            SPAN: comparison(
                files=[file(additions=300)], commits=[commit("cy"), commit("cy", "Test it")]
            )
        },
        branches={"main": {"protected": True, "commit": {"sha": HEAD}}},
        deployments={"production": [{"id": 1, "sha": BASE}]},
        deployment_statuses={1: [ended]},
    )
    joined = connected(known)
    async with open_shop(database_url, tmp_path, FILES) as opened:
        story = Story(opened.with_hosts(joined.hosts), joined)
        await story.send_report("deployment_protection_rule", held())
        change = await story.change(known)

        assert known.decided == {}
        assert (change["state"], change["risk"]["score"]) == ("pending", 30)
        # what ran before is known at the host alone, where any job may say so
        assert [one["count"] for one in change["approvals"]["required"]] == [2]
        size = next(one for one in change["reasons"] if one["rule"] == "size")
        assert size["facts"]["diff.lines_added"] == {"value": 300, "origin": "verified"}

        ben = make_person("ben", "release-managers")
        for one in (ben, ADA):
            await review.approve(
                story.gate, change["id"], ReviewCommand(change["subject_digest"]), one
            )
        await story.settle()
        assert known.decided["77", "production"]["state"] == "approved"

        seen = {"state": "success", "created_at": story.gate.clock().isoformat()}
        deployment = {"sha": HEAD, "environment": "production"}
        await story.send_report(
            "deployment_status",
            {"deployment": deployment, "deployment_status": seen, "repository": REPOSITORY},
        )
        after = await story.shop.read(change["id"], ADMIN)

    assert (after["state"], after["closed"]["result"]) == ("closed", "successful")
    await joined.close()


WORKFLOW = "acme/checkout/.github/workflows/deploy.yml@refs/heads/main"


@pytest.mark.parametrize(
    ("run", "mandated", "allowed"),
    [
        pytest.param({}, WORKFLOW, True, id="the one that its token would name"),
        pytest.param(
            {"path": ".github/workflows/deploy.yml@main"},
            WORKFLOW,
            True,
            id="as newer answers write it",
        ),
        pytest.param({}, WORKFLOW.replace("deploy", "other"), False, id="another one"),
        pytest.param({"head_branch": "other"}, WORKFLOW, False, id="of a branch that is not there"),
        pytest.param(
            {"referenced_workflows": [{"path": "x"}]},
            WORKFLOW,
            False,
            id="nobody says which of several",
        ),
    ],
)
async def test_c16_a_mandated_workflow_lets_the_runs_through_that_github_holds(
    sqlite_url: str,
    tmp_path: Path,
    run: Any,
    mandated: str,
    allowed: bool,  # noqa: FBT001 - what is expected
) -> None:
    needs = (
        f'[{{id: ours, title: Ours, require: [change.workflow == "{mandated}"], otherwise: '
        "reject}]"
    )
    known = fake(
        runs={"77": RUN | run},
        waiting={"77": {"production"}},
        branches={"main": {"protected": True, "commit": {"sha": HEAD}}},
    )
    joined = connected(known)
    async with open_shop(sqlite_url, tmp_path, make_files(requirements=needs)) as opened:
        story = Story(opened.with_hosts(joined.hosts), joined)
        await story.send_report("deployment_protection_rule", held())
    await joined.close()

    rejected = known.decided.get(("77", "production"), {}).get("state") == "rejected"
    assert rejected is not allowed
