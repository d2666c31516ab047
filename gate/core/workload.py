"""A pipeline without a secret: what the identity token of its run proves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from gate.core.change import Repository, Run
from gate.core.facts import TEXT_LENGTH_MAX, Value


class Provider(StrEnum):
    """Whose claims these are: the two speak different languages."""

    GITHUB = "github"
    GITLAB = "gitlab"


PRODUCTION_EVENTS: Mapping[Provider, frozenset[str]] = MappingProxyType(
    {
        Provider.GITHUB: frozenset(
            {
                "push",
                "schedule",
                "workflow_dispatch",
                "workflow_run",
                "release",
                "deployment",
                "repository_dispatch",
                "merge_group",
            }
        ),
        Provider.GITLAB: frozenset(
            {"push", "web", "schedule", "api", "trigger", "pipeline", "parent_pipeline"}
        ),
    }
)
"""What may start a run that reaches production. Any other event may work on what nobody has
merged."""

_REQUESTS = ("pull/", "merge-requests/")
_MERGED = ("heads/", "tags/")


def is_branch_or_tag(ref: str) -> bool:
    """Whether a whole ref names a branch or tag. A short one may be anything."""
    return ref.startswith(tuple(f"refs/{folder}" for folder in _MERGED))


def is_of_request(ref: str) -> bool:
    """Whether this ref is a pull or merge request's, and not a branch or tag.

    A short name that begins like one counts as one, because nobody can tell it from a branch of
    that name.
    """
    below = ref.removeprefix("refs/")
    if below == ref:
        return below.startswith(_REQUESTS)
    return not below.startswith(_MERGED)


@dataclass(frozen=True, slots=True)
class Workload:
    """One job of one run of one repository.

    Whoever holds its token may do what the job may, until `expires_at`.

    `services` are those that list the repository; what a token alone proves leaves them empty.
    """

    issuer: str
    provider: Provider
    repository: Repository
    commit: str
    run: Run
    jti: str
    expires_at: datetime
    login: str = ""
    email: str = ""
    ref: str | None = None
    ref_protected: bool | None = None
    event: str | None = None
    workflow: str | None = None
    environment: str | None = None
    services: frozenset[str] = frozenset()

    @property
    def caller(self) -> str:
        """Whose idempotency keys these are, and who a record says it was."""
        return f"repository:{self.issuer}/{self.repository.id}"

    @property
    def root(self) -> str:
        """Nobody else answers for it: a pipeline is no person."""
        return self.caller

    @property
    def actor(self) -> tuple[str, ...]:
        """Every identity of whoever started the run; a login with its host, for another host may
        have the same.
        """
        return tuple(
            one
            for one in (f"{self.provider}:{self.login}" if self.login else "", self.email)
            if one
        )

    @property
    def facts(self) -> dict[str, Value]:
        """The facts that the token proves. A text that is too long for a fact is unknown."""
        known: dict[str, Value | None] = {
            "change.event": self.event,
            "change.ref": self.ref,
            "change.ref_protected": self.ref_protected,
            "change.workflow": self.workflow,
            "environment.proved": self.environment is not None,
        }
        return {
            name: value
            for name, value in known.items()
            if value is not None and not _is_too_long(value)
        }

    def bound_to(self, change: str) -> str:
        """What its token is good for once it was used for this change: GitHub gives a new one for
        each asking, GitLab one a job.
        """
        if self.provider is Provider.GITHUB:
            return change
        return f"job {self.run.attempt}"


def _is_too_long(value: Value) -> bool:
    return isinstance(value, str) and len(value) > TEXT_LENGTH_MAX
