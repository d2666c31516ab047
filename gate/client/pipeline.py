"""The runner of this command: GitHub Actions, a GitLab job or somebody's own machine, and what it
says about the run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from gate.client.connection.address import is_private
from gate.client.world import World

GITHUB, GITLAB, LOCAL = "github", "gitlab", "local"

_GITHUB_SERVER = "https://github.com"
_GITHUB_ISSUER = "https://token.actions.githubusercontent.com"
_GHE_CLOUD = re.compile(r"https://([a-z0-9-]+)\.ghe\.com")


class Pipeline(NamedTuple):
    """The fields of a request that the runner gives.

    `people` took part beside `requested_by` and must not approve the change.
    """

    kind: str
    run: dict[str, Any]
    repository: dict[str, Any] | None = None
    ref: str | None = None
    commit: str | None = None
    requested_by: str | None = None
    people: tuple[str, ...] = ()


def pipeline(world: World) -> Pipeline:
    """Return the runner, which is recognised by the variables that it sets."""
    env = world.env
    if env.get("GITHUB_ACTIONS") == "true" and env.get("GITHUB_RUN_ID"):
        return _github(env)
    if env.get("GITLAB_CI") == "true" and env.get("CI_PIPELINE_ID"):
        return _gitlab(env)
    # On a desk it is a run of its own, so that admission can say which run consumed the approval.
    return Pipeline(LOCAL, {"id": f"local-{world.fresh_id()}", "attempt": 1})


def _github(env: Mapping[str, str]) -> Pipeline:
    server = env.get("GITHUB_SERVER_URL") or _GITHUB_SERVER
    name, run = env.get("GITHUB_REPOSITORY", ""), env["GITHUB_RUN_ID"]
    actor, again_by = env.get("GITHUB_ACTOR") or None, env.get("GITHUB_TRIGGERING_ACTOR")
    return Pipeline(
        GITHUB,
        _run(run, env.get("GITHUB_RUN_ATTEMPT"), f"{server}/{name}/actions/runs/{run}"),
        _repository(_github_issuer(server), env.get("GITHUB_REPOSITORY_ID"), name),
        env.get("GITHUB_REF") or None,
        env.get("GITHUB_SHA") or None,
        actor,
        (again_by,) if again_by and again_by != actor else (),
    )


def _gitlab(env: Mapping[str, str]) -> Pipeline:
    return Pipeline(
        GITLAB,
        _run(
            env["CI_PIPELINE_ID"],
            env.get("CI_JOB_ID"),
            env.get("CI_JOB_URL") or env.get("CI_PIPELINE_URL") or "",
        ),
        _repository(
            env.get("CI_SERVER_URL", ""), env.get("CI_PROJECT_ID"), env.get("CI_PROJECT_PATH", "")
        ),
        env.get("CI_COMMIT_REF_NAME") or None,
        env.get("CI_COMMIT_SHA") or None,
        env.get("GITLAB_USER_LOGIN") or None,
    )


def _github_issuer(server: str) -> str:
    cloud = _GHE_CLOUD.fullmatch(server)
    if server == _GITHUB_SERVER:
        return _GITHUB_ISSUER
    if cloud:
        return f"https://token.actions.{cloud.group(1)}.ghe.com"
    return f"{server}/_services/token"


def _run(identity: str, attempt: str | None, url: str) -> dict[str, Any]:
    number = int(attempt) if attempt and attempt.isdigit() and int(attempt) else 1
    run: dict[str, Any] = {"id": identity, "attempt": number}
    return {**run, "url": url} if is_private(url) else run


def _repository(issuer: str, number: str | None, name: str) -> dict[str, Any] | None:
    """Return the repository, or None without issuer and numeric id, which identify one."""
    if not is_private(issuer) or not number or not number.isdigit():
        return None
    return {"issuer": issuer, "id": int(number), "name": name}
