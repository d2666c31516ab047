"""The webhooks of a code host as values.

Each value names the repository by its issuer and numeric id, because a name can be given to another
repository. A report waits in the database until it is processed, so each can be written as JSON and
read back.
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
    """A run waits before a job that deploys to `environment`, until the gate answers the host.

    `environment` is the host's name for it. `run` is the id under which the host is asked and
    answered: at GitHub that of the run, at GitLab that of the deployment.
    """

    issuer: str
    repository: int
    name: str
    run: str
    environment: str


@dataclass(frozen=True, slots=True)
class RunEnded:
    """One attempt of a run has ended, with whatever result. The report may come late, when the next
    attempt runs.
    """

    issuer: str
    repository: int
    run: str
    attempt: int
    commit: str


@dataclass(frozen=True, slots=True)
class CommitsMoved:
    """A check, a review or a branch of these commits changed, so facts about them may be others."""

    issuer: str
    repository: int
    commits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pushed:
    """These commits were pushed. The last of them is the new head of the branch."""

    issuer: str
    repository: int
    commits: tuple[str, ...]
    # An account of the host, such as `github:ada-gh`.
    by: str


@dataclass(frozen=True, slots=True)
class DeploymentStatus:
    """A deployment began (`result` is None) or ended.

    `commit` is abbreviated where the host gives no full hash. `name` is what people call the
    repository.
    """

    issuer: str
    repository: int
    environment: str
    commit: str
    result: Result | None
    at: datetime
    url: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class IssueMoved:
    """Something happened to an issue. It is only a reason to ask for its state.

    The `repository` of an issue at Jira is 0, and its `number` is its key there.
    """

    issuer: str
    repository: int
    number: str


HostReport: TypeAlias = RunHeld | RunEnded | CommitsMoved | Pushed | DeploymentStatus | IssueMoved


@dataclass(frozen=True, slots=True)
class HostDelivery:
    """One webhook delivery: the host's id of it and its report.

    Where nothing follows from the delivery, `report` is None and `ignored` says why.
    """

    id: str
    report: HostReport | None
    ignored: str = ""


@dataclass(frozen=True, slots=True)
class RunSeen:
    """A run as its host describes it when it is asked.

    `actors` are the accounts that started the run or one of its later attempts, each a login and,
    if the host says it, `#` and the number of the account.
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


def kind_of(report: HostReport) -> str:
    """Return the name under which reports of this type are kept in the database."""
    return next(kind for kind, of_kind in _KINDS.items() if isinstance(report, of_kind))


def write(report: HostReport) -> bytes:
    """Return the report as JSON."""
    return orjson.dumps(report)


def read(kind: str, content: bytes) -> HostReport:
    """Return the report of this kind that `write` wrote."""
    raw = orjson.loads(content)
    if "commits" in raw:
        raw["commits"] = tuple(raw["commits"])
    if kind == "deployment_status":
        raw["at"] = datetime.fromisoformat(raw["at"])
        raw["result"] = Result(raw["result"]) if raw["result"] else None
    return _KINDS[kind](**raw)


_KINDS: Mapping[str, type[HostReport]] = {
    "run_held": RunHeld,
    "run_ended": RunEnded,
    "commits_moved": CommitsMoved,
    "pushed": Pushed,
    "deployment_status": DeploymentStatus,
    "issue_moved": IssueMoved,
}
KINDS = tuple(_KINDS)
