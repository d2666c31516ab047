"""The answer about the health of the gate itself, for an operator."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True)
class HealthAnswer:
    """The process is alive."""

    status: Literal["ok"]


@dataclass(frozen=True)
class ReadyAnswer:
    """Whether this server can decide, and the problems that an operator must fix."""

    status: Literal["ready", "unready"]
    problems: Sequence[str]


@dataclass(frozen=True)
class WaitingAnswer:
    """The messages that wait for one receiver, or the deliveries that wait of one sender."""

    name: str
    waiting: int
    dead: int
    oldest_at: datetime | None
    error: str | None


@dataclass(frozen=True)
class GivenUpAnswer:
    """A delivery of another system that could not be processed."""

    source: str
    kind: str
    at: datetime
    attempts: int
    error: str


@dataclass(frozen=True)
class FilesAnswer:
    """The reason why the policy files cannot be used, and since when."""

    error: str
    since: datetime


@dataclass(frozen=True)
class NamedAnswer:
    """A person of the catalogue."""

    id: str
    name: str


@dataclass(frozen=True)
class GroupAnswer:
    """A group of the catalogue, and the groups of the identity provider that belong to it."""

    name: str
    people: tuple[NamedAnswer, ...]
    sso: tuple[str, ...]


@dataclass(frozen=True)
class UpkeepAnswer:
    """The health of the gate, as an operator looks at it first."""

    unready: tuple[str, ...]
    signing_key: bool
    single_sign_on: bool
    code_hosts: tuple[str, ...]
    outbox: tuple[WaitingAnswer, ...]
    inbox: tuple[WaitingAnswer, ...]
    given_up: tuple[GivenUpAnswer, ...]
    policy_files: FilesAnswer | None
    groups: tuple[GroupAnswer, ...]
    at: datetime
