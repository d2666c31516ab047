"""The service with issuers of its own: pipelines that have identity tokens and no secret."""

import json
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from typing import Any

import httpx

from tests.api.served import ROOT, SMALL, Served, served
from tests.identity_provider import COMMIT, Provider, provider


@dataclass(frozen=True, slots=True)
class Pipelines:
    """A running service, and the two issuers that it trusts: `web` is deployed from GitHub,
    `status-page` from GitLab.
    """

    service: Served
    github: Provider
    gitlab: Provider

    async def post(
        self, path: str, token: str, body: dict[str, Any], key: str | None = None
    ) -> httpx.Response:
        """One request with that token."""
        return await self.service.anybody(token).post(
            path, json=body, headers={"Idempotency-Key": key} if key else {}
        )

    async def submit(
        self, token: str, body: dict[str, Any] | None = None, key: str | None = None
    ) -> httpx.Response:
        """Ask for a change of `web`, or for another one."""
        return await self.post("/v1/changes", token, body or ask(), key)

    async def evaluate(self, token: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """The same, and nothing is recorded."""
        return await self.post("/v1/evaluations", token, body or ask())

    async def facts(
        self, token: str, body: dict[str, Any] | None = None
    ) -> dict[str, tuple[Any, str]]:
        """What an evaluation is made from: value and origin by name."""
        answer = await self.evaluate(token, body)
        assert answer.status_code == 200, answer.text
        return {
            name: (fact["value"], fact["origin"]) for name, fact in answer.json()["facts"].items()
        }

    async def changes(self) -> int:
        """How many there are."""
        answer = await (await self.service.auditor()).get("/v1/changes")
        return len(answer.json()["items"])


def ask(**fields: Any) -> dict[str, Any]:
    """A small change of `web` to staging: what the token says is left out."""
    return {
        "service": "web",
        "environment": "staging",
        "commit": COMMIT,
        "authors": ["lena@example.com"],
        "facts": SMALL,
        **fields,
    }


def status_page(**fields: Any) -> dict[str, Any]:
    """The same of `status-page`, which is deployed from GitLab."""
    return ask(service="status-page", **fields)


def own_policies(folder: Path, **issuers: str) -> Path:
    """The shipped policies, with repositories of these issuers."""
    policies = copytree(ROOT / "policies", folder / "policies", dirs_exist_ok=True)
    catalogue = (policies / "catalog.yaml").read_text()
    catalogue = catalogue.replace(
        "provider: github, id: 1003", f'issuer: "{issuers["github"]}", id: 1003'
    )
    catalogue = catalogue.replace(
        'issuer: "https://gitlab.example.com"', f'issuer: "{issuers["gitlab"]}"'
    )
    (policies / "catalog.yaml").write_text(catalogue)
    return policies


@asynccontextmanager
async def pipelines(url: str, folder: Path) -> AsyncIterator[Pipelines]:
    """The service and its issuers, for one test."""
    with ExitStack() as stack:
        github, gitlab = stack.enter_context(provider()), stack.enter_context(provider())
        async with served(url, folder, **settings(folder, github, gitlab)) as service:
            yield Pipelines(service, github, gitlab)


@asynccontextmanager
async def replica(first: Pipelines, url: str, folder: Path) -> AsyncIterator[Pipelines]:
    """Another server on the same database."""
    (folder / "second").mkdir()
    given = settings(folder, first.github, first.gitlab) | {"signing_key_file": folder / "gate.key"}
    async with served(url, folder / "second", **given) as service:
        yield Pipelines(service, first.github, first.gitlab)


def settings(folder: Path, github: Provider, gitlab: Provider) -> dict[str, Any]:
    """As an operator gives them."""
    policies = own_policies(folder, github=github.url, gitlab=gitlab.url)
    return {
        "policies": policies,
        "issuers": json.dumps([github.setting("github"), gitlab.setting("gitlab")]),
    }
