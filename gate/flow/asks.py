"""What the chapters are asked: small values between a wire and the flow."""

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
    """A part of a list, newest first. `next` is the `cursor` of the part after it."""

    items: Sequence[Item]
    next: str | None


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a list: `begins` ≤ when < `ends`, after the item that `cursor` stands for."""

    begins: datetime | None = None
    ends: datetime | None = None
    cursor: str | None = None
    limit: int = PAGE_ITEMS_DEFAULT


@dataclass(frozen=True, slots=True)
class AdmissionAsk:
    """What is about to be deployed, and by which run."""

    commit: str
    artifacts: tuple[Artifact, ...]
    environment: str
    run: Run


@dataclass(frozen=True, slots=True)
class ClosureAsk:
    """How a deployment ended. Without a run it is the run that was admitted."""

    result: Result
    notes: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    run: Run | None = None


@dataclass(frozen=True, slots=True)
class FreezeAsk:
    """A window, or with `stop` the stopped line.

    Without services and environments it is for everything.
    """

    reason: str
    stop: bool = False
    begins: datetime | None = None
    ends: datetime | None = None
    services: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenAsk:
    """A token of a role, or with `person` a personal one.

    `services` None is all of them; `hook` is for role hook alone.
    """

    role: Role | None
    services: frozenset[str] | None = None
    person: str | None = None
    expires_at: datetime | None = None
    hook: HookKind | None = None


@dataclass(frozen=True, slots=True)
class InviteAsk:
    """Who is to be let in. `role` None leaves the role as it is."""

    email: str
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class PersonAsk:
    """What becomes of somebody.

    With `sets_role` the role is the one given, also where that is none.
    """

    role: Role | None = None
    sets_role: bool = False
    disabled: bool | None = None


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The caller's key for one asking, and SHA-256 of the body it came with."""

    key: str
    body_sha256: str


@dataclass(frozen=True, slots=True)
class ReviewAsk:
    """An approval or a rejection, for what the person was shown."""

    subject_digest: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class OverrideAsk:
    """A window or the stopped line shall not hold this change; with neither, a rejection is
    lifted.
    """

    comment: str
    window: str | None = None
    stop: bool = False


@dataclass(frozen=True, slots=True)
class PostReviewAsk:
    """What was learnt from an emergency, or from a change that failed."""

    findings: str
    comment: str
    actions: tuple[str, ...] = ()
