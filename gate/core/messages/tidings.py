"""What a code host tells by itself, as values: each names the repository by its issuer and numeric
id.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import orjson

from gate.core.change import Result
from gate.core.workload import Provider


@dataclass(frozen=True, slots=True)
class RunHeld:
    """A run waits before a job of this environment until somebody lets it go.

    `environment` is the host's word for it.

    `run` is what the host is asked about it by, and answered: GitHub's run, GitLab's deployment.
    """

    issuer: str
    repository: int
    name: str
    run: str
    environment: str


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run is over, whatever became of it."""

    issuer: str
    repository: int
    run: str
    commit: str


@dataclass(frozen=True, slots=True)
class CommitsMoved:
    """Something that the host verifies of these commits is not what it was: a check, a review, a
    branch.
    """

    issuer: str
    repository: int
    commits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pushed:
    """Somebody brought these commits into the repository; the last of them is what the branch
    stands at.
    """

    issuer: str
    repository: int
    commits: tuple[str, ...]
    # `github:ada-gh`.
    by: str


@dataclass(frozen=True, slots=True)
class DeploymentTold:
    """A deployment began (`result` None) or ended.

    `commit` may be short where the host says no more.

    `name` is what people call the repository.
    """

    issuer: str
    repository: int
    environment: str
    commit: str
    result: Result | None
    at: datetime
    url: str = ""
    name: str = ""


Tiding: TypeAlias = RunHeld | RunEnded | CommitsMoved | Pushed | DeploymentTold


@dataclass(frozen=True, slots=True)
class Told:
    """One delivery: its id at the host, and what it says; without a tiding `ignored` says why
    nothing is done.
    """

    id: str
    tiding: Tiding | None
    ignored: str = ""


@dataclass(frozen=True, slots=True)
class RunSeen:
    """A run as its host describes it when it is asked.

    `actors` are whoever started it, first or again.
    """

    provider: Provider
    run: str
    attempt: int
    commit: str
    event: str
    actors: tuple[str, ...]
    ref: str | None = None
    workflow: str | None = None
    title: str = ""
    url: str = ""


def kind_of(tiding: Tiding) -> str:
    """Its name where it is kept: run_held, run_ended, commits_moved, pushed, deployment_told."""
    return next(kind for kind, of_kind in _KINDS.items() if isinstance(tiding, of_kind))


def write(tiding: Tiding) -> bytes:
    """As JSON."""
    return orjson.dumps(tiding)


def read(kind: str, content: bytes) -> Tiding:
    """The way back."""
    raw = orjson.loads(content)
    if "commits" in raw:
        raw["commits"] = tuple(raw["commits"])
    if kind == "deployment_told":
        raw["at"] = datetime.fromisoformat(raw["at"])
        raw["result"] = Result(raw["result"]) if raw["result"] else None
    return _KINDS[kind](**raw)


_KINDS: Mapping[str, type[Tiding]] = {
    "run_held": RunHeld,
    "run_ended": RunEnded,
    "commits_moved": CommitsMoved,
    "pushed": Pushed,
    "deployment_told": DeploymentTold,
}
KINDS = tuple(_KINDS)
