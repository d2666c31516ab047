"""A job as a runner gives it: a checkout, a gate in a process of its own, and the issuers around
them.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.api.pipelines import own_policies
from tests.client.repositories import ENV, Repo
from tests.identity_provider import RUNNER, Provider, provider
from tests.live import LiveGate, serving

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Job:
    """A checkout, and the gate and the issuers around it."""

    gate: LiveGate
    github: Provider
    gitlab: Provider
    repo: Repo

    def run(self, *arguments: str, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
        """One command of the client as a job calls it."""
        return subprocess.run(  # noqa: S603 - our own command line
            [sys.executable, "-m", "gate.client", *arguments, "--output", "json"],
            cwd=self.repo.folder,
            env={
                **ENV,
                "PYTHONPATH": str(ROOT),
                "GATE_URL": self.gate.url,
                "HOME": str(self.gate.folder),
                **env,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def commit(self) -> str:
        """What is checked out."""
        return self.repo.git("rev-parse", "HEAD")


@contextmanager
def job(folder: Path) -> Iterator[Job]:
    """A gate in a process of its own, and a small repository."""
    with provider() as one, provider() as other:
        policies = own_policies(folder, github=one.url, gitlab=other.url)
        settings = {"GATE_ISSUERS": json.dumps([one.setting("github"), other.setting("gitlab")])}
        repo = Repo(folder / "repo")
        repo.write({"a.txt": "a\n"})
        repo.git("add", "-A")
        repo.git("commit", "--quiet", "--message", "first")
        with serving(LiveGate(folder, f"sqlite:///{folder}/gate.db", policies, settings)) as gate:
            yield Job(gate, one, other, repo)


def github_env(job: Job, **different: str) -> dict[str, str]:
    """What a GitHub runner sets."""
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "acme/storefront",
        "GITHUB_REPOSITORY_ID": "1003",
        "GITHUB_RUN_ID": "9001",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_ACTOR": "kofi-mensah",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_SHA": job.commit,
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{job.github.url}{RUNNER}api-version=2",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-runner",
        **different,
    }


def gitlab_env(job: Job, **different: str) -> dict[str, str]:
    """What a GitLab job has, apart from its token."""
    return {
        "GITLAB_CI": "true",
        "CI_PIPELINE_ID": "574",
        "CI_JOB_ID": "302",
        "CI_SERVER_URL": "https://gitlab.example.com",
        "CI_PROJECT_ID": "20",
        "CI_PROJECT_PATH": "acme/status-page",
        "CI_COMMIT_REF_NAME": "main",
        "CI_COMMIT_SHA": job.commit,
        "GITLAB_USER_LOGIN": "goran.gl",
        **different,
    }
