"""The whole story in one test: a run waits at GitHub, facts are verified, a person approves in the
browser, and it goes wrong later.
"""

import hashlib
import hmac
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from playwright.sync_api import Browser, expect

from gate.flow.caller import HookKind, Role
from tests.flow.shop import make_files
from tests.integrations.fake_github import APP_ID, FakeGitHub, app_key_text
from tests.integrations.github.test_hook import SECRET, signature
from tests.integrations.github_answers import BASE, HEAD, SPAN, commit, comparison, fake, file
from tests.integrations.live_github import listening
from tests.live import LiveGate, serving, token_of
from tests.web.site import Site

PAGER = "a secret of PagerDuty"
PLACE = ("77", "production")
WITHIN_SECONDS = 15.0
RUN = {
    "id": 77,
    "run_attempt": 1,
    "head_sha": HEAD,
    "event": "push",
    "actor": {"login": "cy"},
    "head_branch": "main",
    "path": ".github/workflows/deploy.yml",
    "display_title": "Round half to even",
}
REPOSITORY = {"id": 1001, "full_name": "acme/checkout"}


def knows() -> FakeGitHub:
    """A GitHub where a large change waits; what ran before is known there alone."""
    return fake(
        runs={"77": RUN},
        waiting={"77": {"production"}},
        compares={SPAN: comparison(files=[file(additions=300)], commits=[commit("cy")])},
        branches={"main": {"protected": True, "commit": {"sha": HEAD}}},
        deployments={"production": [{"id": 1, "sha": BASE}]},
        deployment_statuses={1: [{"state": "success"}]},
    )


@contextmanager
def world(folder: Path, template: Path, known: FakeGitHub, browser: Browser) -> Iterator[Site]:
    """A gate in a process of its own, connected to that GitHub and to PagerDuty."""
    shutil.copy(template, folder / "gate.sqlite")
    policies = folder / "policies"
    policies.mkdir()
    with listening(known) as address:
        for name, text in make_files(trust_claims="[]").items():
            at_github = f'{{issuer: "{address}/_services/token", id: 1001,'
            (policies / name).write_text(
                text.replace("{provider: github, id: 1001,", at_github), encoding="utf-8"
            )
        (folder / "app.pem").write_text(app_key_text())
        settings = {
            "GATE_GITHUB_API_URL": address,
            "GATE_GITHUB_APP_ID": APP_ID,
            "GATE_GITHUB_APP_KEY_FILE": str(folder / "app.pem"),
            "GATE_GITHUB_WEBHOOK_SECRET": SECRET,
            "GATE_PAGERDUTY_WEBHOOK_SECRET": PAGER,
        }
        gate = LiveGate(folder, f"sqlite:///{folder / 'gate.sqlite'}", policies, settings)
        with serving(gate):
            yield Site(gate, token_of(gate, Role.PIPELINE), browser)


def until(holds: Callable[[], Any], what: str) -> Any:
    """What it answers as soon as that is something."""
    ends = time.monotonic() + WITHIN_SECONDS
    while not (found := holds()):
        assert time.monotonic() < ends, f"{what} did not happen within {WITHIN_SECONDS:g} s"
        time.sleep(0.05)
    return found


def from_github(site: Site, event: str, payload: Any) -> None:
    """A delivery of the App's webhook."""
    body = orjson.dumps(payload)
    headers = {
        "X-Hub-Signature-256": signature(body),
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": f"{event}-1",
    }
    assert (
        httpx.post(f"{site.gate.url}/v1/hooks/github", content=body, headers=headers).status_code
        == 202
    )


def from_pagerduty(site: Site) -> None:
    """Something broke."""
    now = datetime.now(UTC).isoformat()
    data = {
        "id": "P1",
        "type": "incident",
        "status": "triggered",
        "created_at": now,
        "title": "Down",
        "service": {"summary": "checkout"},
    }
    body = orjson.dumps(
        {
            "event": {
                "id": "E1",
                "event_type": "incident.triggered",
                "occurred_at": now,
                "data": data,
            }
        }
    )
    headers = {
        "X-PagerDuty-Signature": f"v1={hmac.new(PAGER.encode(), body, hashlib.sha256).hexdigest()}"
    }
    assert (
        httpx.post(f"{site.gate.url}/v1/hooks/pagerduty", content=body, headers=headers).status_code
        == 202
    )


def rolled_back(site: Site) -> None:
    """Whoever deploys says that the service runs again what it ran before."""
    context = {
        "specversion": "0.5.1",
        "id": "R1",
        "source": "/ci",
        "type": "dev.cdevents.service.rolledback.0.3.0",
        "timestamp": datetime.now(UTC).isoformat(),
    }
    content = {
        "environment": {"id": "production"},
        "artifactId": "pkg:oci/checkout@sha256:" + "ab" * 32,
    }
    event = {"context": context, "subject": {"id": "checkout", "content": content}}
    token = token_of(site.gate, Role.HOOK, hook=HookKind.CDEVENTS, service="checkout")
    headers = {"Authorization": f"Bearer {token}"}
    assert (
        httpx.post(f"{site.gate.url}/v1/hooks/cdevents", json=event, headers=headers).status_code
        == 202
    )


def fail_rate(site: Site) -> Any:
    """As the figures of delivery have it."""
    return site.get("/v1/delivery?service=checkout&environment=production")["change_fail_rate"]


@pytest.mark.server
def test_from_a_run_that_waits_to_a_change_that_failed(
    browser: Browser, sqlite_template: Path, tmp_path: Path
) -> None:
    known = knows()
    with world(tmp_path, sqlite_template, known, browser) as site:
        callback = f"{site.gate.settings['GATE_GITHUB_API_URL']}/repos/acme/checkout/actions/runs/77/deployment_protection_rule"
        asked = {
            "action": "requested",
            "environment": "production",
            "deployment_callback_url": callback,
            "repository": REPOSITORY,
        }
        from_github(site, "deployment_protection_rule", asked)
        report = until(lambda: known.reports.get(PLACE), "the report to the run")[0]
        assert "300 lines added" in report
        address = report.rpartition("\n")[2]

        with site.as_person("ben") as page:
            page.goto(address)
            expect(page.get_by_role("heading", level=1)).to_have_text("Round half to even")
            expect(page.locator("main")).to_contain_text("verified")
            page.get_by_role("button", name="Approve").click()
            expect(page.locator(".change-head .state")).to_have_text(
                re.compile("approved|deploying")
            )
        until(
            lambda: known.decided.get(PLACE, {}).get("state") == "approved",
            "the approval to the run",
        )

        change = {"id": address.rpartition("/")[2]}
        deployed = {"state": "success", "created_at": datetime.now(UTC).isoformat()}
        where = {"sha": HEAD, "environment": "production"}
        from_github(
            site,
            "deployment_status",
            {"deployment": where, "deployment_status": deployed, "repository": REPOSITORY},
        )
        until(lambda: site.read(change)["state"] == "closed", "the closure by what GitHub saw")
        assert site.read(change)["closed"]["result"] == "successful"

        from_pagerduty(site)
        until(lambda: fail_rate(site)["failed"] == 1, "the incident to count against the change")
        rolled_back(site)
        until(
            lambda: site.read(change)["closed"]["result"] == "rolled_back",
            "the rollback to worsen the result",
        )

        assert (fail_rate(site)["failed"], fail_rate(site)["deployments"]) == (1, 1)
