"""A job of a pipeline that shows an identity token instead of a secret: what its token proves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from gate.core.change import Repository, Run
from gate.core.facts import TEXT_LENGTH_MAX, Value


class Provider(StrEnum):
    """The code host that issued a token; their claims have different names."""

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
"""The events that may start a run which deploys to production. A run of any other event may work on
a commit that nobody has merged."""

_REQUESTS = ("pull/", "merge-requests/")
_MERGED = ("heads/", "tags/")


def is_branch_or_tag(ref: str) -> bool:
    """Return whether a full ref names a branch or tag. A short ref does not: it may be anything."""
    return ref.startswith(tuple(f"refs/{folder}" for folder in _MERGED))


def is_of_request(ref: str) -> bool:
    """Return whether this ref is that of a pull or merge request.

    A short name that begins like one counts as one, because it cannot be distinguished from a
    branch of that name.
    """
    below = ref.removeprefix("refs/")
    if below == ref:
        return below.startswith(_REQUESTS)
    return not below.startswith(_MERGED)


@dataclass(frozen=True, slots=True)
class Workload:
    """One job of one run of one repository.

    Whoever holds its token may do what the job may, until `expires_at`. `services` are those that
    list the repository in the catalogue; they are empty as long as only the token was read.
    """

    issuer: str
    provider: Provider
    repository: Repository
    commit: str
    run: Run
    jti: str
    expires_at: datetime
    login: str = ""
    # The number of the account with this login; a login can change hands.
    account: str = ""
    email: str = ""
    ref: str | None = None
    ref_protected: bool | None = None
    event: str | None = None
    workflow: str | None = None
    environment: str | None = None
    services: frozenset[str] = frozenset()

    @property
    def caller(self) -> str:
        """The name of the caller in records, and of the owner of its idempotency keys."""
        return f"repository:{self.issuer}/{self.repository.id}"

    @property
    def root(self) -> str:
        """The caller who answers for this one: itself, because a pipeline acts for no person."""
        return self.caller

    @property
    def actor(self) -> tuple[str, ...]:
        """The identities of the person who started the run.

        A login has its host in front, because another host may have the same login, and behind it
        the number of its account.
        """
        account = f"#{self.account}" if self.account else ""
        login = f"{self.provider}:{self.login}{account}" if self.login else ""
        return tuple(one for one in (login, self.email) if one)

    @property
    def facts(self) -> dict[str, Value]:
        """The facts that the token proves; a text that is too long for a fact is left out."""
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
        """Return what the token may still be used for after it was used for this change.

        GitHub issues a new token at every request, so it is for this change only. GitLab issues one
        for a job, so it is for that job.
        """
        if self.provider is Provider.GITHUB:
            return change
        return f"job {self.run.attempt}"


def _is_too_long(value: Value) -> bool:
    return isinstance(value, str) and len(value) > TEXT_LENGTH_MAX
