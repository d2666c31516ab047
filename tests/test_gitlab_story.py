"""One story with a GitLab from end to end: a deployment is blocked, a person approves in the gate,
the job is started, its end is seen.
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
from gate.integrations.gitlab.hook import KEY
from gate.integrations.gitlab.hook import TOKEN as TOKEN_HEADER
from tests.builders import make_person
from tests.flow.shop import ADMIN, Shop, make_files, open_shop
from tests.integrations.fake_github import reply
from tests.integrations.fake_gitlab import PROJECT, TOKEN, FakeGitLab
from tests.integrations.gitlab.test_facts import BASE, HEAD, comparison, diff, fake

pytestmark = pytest.mark.anyio

URL = "https://gitlab.com"
BEN = make_person("ben", "release-managers")
LARGE = comparison(diffs=[diff(diff="@@ -0,0 +1,300 @@\n" + "+line\n" * 300)])
BLOCKED: dict[str, Any] = {
    "id": 15,
    "status": "blocked",
    "sha": HEAD,
    "ref": "main",
    "environment": {"name": "production"},
    "deployable": {
        "id": 302,
        "pipeline": {"id": 574, "source": "push"},
        "user": {"username": "cy"},
    },
}


def files() -> dict[str, str]:
    """The shop, whose checkout is at GitLab."""
    made = make_files(trust_claims="[]")
    made["catalog.yaml"] = made["catalog.yaml"].replace(
        "{provider: github, id: 1001,", f"{{provider: gitlab, id: {PROJECT},"
    )
    return made


def knows(**different: Any) -> FakeGitLab:
    """A GitLab where a large change is blocked."""
    ran = {"id": 3, "status": "success", "sha": BASE, "environment": {"name": "production"}}
    answers = {"/deployments/15": {**BLOCKED, **different}}
    return fake(
        answers, compares={(BASE, HEAD): LARGE}, deployments=[{**BLOCKED, **different}, ran]
    )


def connected(known: FakeGitLab) -> Connections:
    """As the settings of an operator connect it."""
    settings = {"gitlab_token": TOKEN, "gitlab_webhook_token": "secret"}
    return connections_of(Settings.read({}, **settings), known.open_client)


async def settle(shop: Shop, joined: Connections) -> None:
    """What the chores and the worker do, without waiting."""
    chores = {chore.name: chore.turn for chore in joined.chores}
    await chores["gitlab deployments"](shop.gate)
    await inbox.work(shop.gate, code_hosts.HANDLERS)
    await shop.round()
    await held_runs.answer_due(shop.gate)
    post = Post(shop.gate, joined.deliveries)
    await post.turn()
    await post.settled()


async def test_a_blocked_deployment_waits_until_a_person_has_approved_it_in_the_gate(
    database_url: str, tmp_path: Path
) -> None:
    known = knows()
    joined = connected(known)
    async with open_shop(database_url, tmp_path, files()) as opened:
        shop = opened.with_hosts(joined.hosts)
        await settle(shop, joined)
        await settle(shop, joined)
        [row] = await shop.gate.store.read(_changes)
        change = await shop.read(row, ADMIN)

        assert (change["state"], change["run"]["id"], change["run"]["attempt"]) == (
            "pending",
            "574",
            302,
        )
        assert change["requested_by"] == "cy"
        assert (known.approved, known.played) == ({}, [])

        await review.approve(shop.gate, row, ReviewCommand(change["subject_digest"]), BEN)
        await settle(shop, joined)
        assert (known.approved[15]["status"], known.played) == ("approved", [302])
        assert "risk 30 is moderate" in known.approved[15]["comment"]

        await send_report(shop, joined, "success")
        after = await shop.read(row, ADMIN)
    await joined.close()

    assert (after["state"], after["closed"]["result"]) == ("closed", "successful")


async def test_a_rejection_is_told_and_starts_nothing(sqlite_url: str, tmp_path: Path) -> None:
    known = knows()
    joined = connected(known)
    async with open_shop(sqlite_url, tmp_path, files()) as opened:
        shop = opened.with_hosts(joined.hosts)
        await settle(shop, joined)
        [row] = await shop.gate.store.read(_changes)
        change = await shop.read(row, ADMIN)
        await review.reject(shop.gate, row, ReviewCommand(change["subject_digest"], "Not now"), BEN)
        await settle(shop, joined)
    await joined.close()

    assert (known.approved[15]["status"], known.played) == ("rejected", [])


async def test_f23_a_gitlab_that_does_not_let_us_in_holds_nobody_up(
    sqlite_url: str, tmp_path: Path
) -> None:
    known = knows()
    known.failing = {"/deployments": reply(403, {"message": "403 Forbidden"})}
    joined = connected(known)
    async with open_shop(sqlite_url, tmp_path, files()) as opened:
        shop = opened.with_hosts(joined.hosts)
        await settle(shop, joined)
        assert await shop.gate.store.read(_changes) == []
    await joined.close()


async def send_report(shop: Shop, joined: Connections, status: str) -> None:
    """The deployment hook, and what follows."""
    payload = {
        "object_kind": "deployment",
        "status": status,
        "status_changed_at": f"{shop.gate.clock():%Y-%m-%d %H:%M:%S} UTC",
        "environment": "production",
        "short_sha": HEAD[:8],
        "commit_url": f"{URL}/acme/checkout/-/commit/{HEAD}",
        "project": {"id": PROJECT},
    }
    found = joined.hooks["gitlab"].read(
        {TOKEN_HEADER: "secret", KEY: "k"}, json.dumps(payload).encode()
    )
    await inbox.receive(shop.gate, code_hosts.delivery("gitlab", found))
    await inbox.work(shop.gate, code_hosts.HANDLERS)


def _changes(conn: Any) -> list[str]:
    return [row.id for row in conn.exec_driver_sql("SELECT id FROM changes")]
