"""A pipeline without a secret: what the identity token of its run proves."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gate.core.change import Repository, Run
from gate.core.facts import TEXT_LENGTH_MAX, Value

NOT_FOR_PRODUCTION = frozenset({"pull_request", "pull_request_target"})
"""Events under which a run works on what nobody has merged yet."""


class Provider(StrEnum):
    """Whose claims these are: the two speak different languages."""

    GITHUB = "github"
    GITLAB = "gitlab"


@dataclass(frozen=True, slots=True)
class Workload:
    """One job of one run of one repository. Whoever holds its token may do what the job may, until `expires_at`.

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
    def actor(self) -> tuple[str, ...]:
        """Every identity of whoever started the run; a login with its host, for another host may have the same."""
        return tuple(one for one in (f"{self.provider}:{self.login}" if self.login else "", self.email) if one)

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
        return {name: value for name, value in known.items() if value is not None and not _is_too_long(value)}

    def bound_to(self, change: str) -> str:
        """What its token is good for once it was used for this change: GitHub gives a new one for each asking, GitLab one a job."""
        return change if self.provider is Provider.GITHUB else f"job {self.run.attempt}"


def _is_too_long(value: Value) -> bool:
    return isinstance(value, str) and len(value) > TEXT_LENGTH_MAX
