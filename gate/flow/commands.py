"""Commands to act and filters of lists, as values that the interface, the pages and the command
line hand to the flow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from gate.core.change import Artifact, Result, Run
from gate.flow.caller import HookKind, Role

PAGE_ITEMS_DEFAULT = 50
PAGE_ITEMS_MAX = 200
WAIT_SECONDS_MAX = 60

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """A part of a list, newest first. `next` is the cursor of the part after it."""

    items: Sequence[Item]
    next: str | None


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a list that is wanted: from `begins` to before `ends`, after the item of
    `cursor`.
    """

    begins: datetime | None = None
    ends: datetime | None = None
    cursor: str | None = None
    limit: int = PAGE_ITEMS_DEFAULT


@dataclass(frozen=True, slots=True)
class AdmissionCommand:
    """Admit what is about to be deployed by this run."""

    commit: str
    artifacts: tuple[Artifact, ...]
    environment: str
    run: Run


@dataclass(frozen=True, slots=True)
class ClosureCommand:
    """Close a deployment with this result. Without a run the one that was admitted is meant."""

    result: Result
    notes: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    run: Run | None = None


@dataclass(frozen=True, slots=True)
class FreezeCommand:
    """Declare a freeze window, or with `stop` stop the line.

    Without services and environments it holds for everything.
    """

    reason: str
    stop: bool = False
    begins: datetime | None = None
    ends: datetime | None = None
    services: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenCommand:
    """Make a token of a role, or with `person` a personal one.

    `services` None means all services; `hook` is only for the role `hook`. `name` says to people
    what it is used for.
    """

    role: Role | None
    services: frozenset[str] | None = None
    person: str | None = None
    expires_at: datetime | None = None
    hook: HookKind | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class InvitationCommand:
    """Invite somebody. `role` None leaves the role as it is."""

    email: str
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class PersonCommand:
    """Change the role of a person, or disable or enable the account.

    `role` counts only with `sets_role`, because None is also a role that can be set.
    """

    role: Role | None = None
    sets_role: bool = False
    disabled: bool | None = None


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The caller's key for one request and its retries, and SHA-256 of the body it came with."""

    key: str
    body_sha256: str


@dataclass(frozen=True, slots=True)
class ReviewCommand:
    """Approve or reject the subject that the person was shown."""

    subject_digest: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class OverrideCommand:
    """Lift the hold of a window or of the stopped line from a change; with neither, lift the
    rejection.
    """

    comment: str
    window: str | None = None
    stop: bool = False


@dataclass(frozen=True, slots=True)
class NoticeCommand:
    """Keep that customers were given the notice of this duty."""

    duty: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class PostReviewCommand:
    """Hold the post-implementation review of an emergency or of a change that failed."""

    findings: str
    comment: str
    actions: tuple[str, ...] = ()
