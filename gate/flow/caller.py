"""Who asks: handed to every chapter, never kept in a global."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from gate.core.workload import Workload

NOBODY = "This needs a valid token: `Authorization: Bearer …`."
"""The same for every reason, so that nobody learns which part was wrong."""


class Role(StrEnum):
    """What an API token was made for. A personal token has no role: it is its person."""

    PIPELINE = "pipeline"
    HOOK = "hook"
    AUDITOR = "auditor"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Machine:
    """An API token. `services` None is all of them; machines never approve."""

    id: str
    role: Role
    services: frozenset[str] | None = None

    @property
    def caller(self) -> str:
        """Whose idempotency keys these are, and who a record says it was."""
        return f"token:{self.id}"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in, or has a personal token; `csrf` is what a form of a session must
    bring back.
    """

    id: str
    groups: frozenset[str]
    token: str | None = None
    role: Role | None = None  # admin, auditor, or none
    session: str | None = None
    csrf: str = field(default="", repr=False)

    @property
    def caller(self) -> str:
        """Whose idempotency keys these are, and who a record says it was."""
        return f"person:{self.id}"


@dataclass(frozen=True, slots=True)
class ChangeHolder:
    """Whoever holds the token of one change: may read, admit, close and cancel that one."""

    change: str
    caller: str  # who submitted the change


Caller: TypeAlias = Machine | Person | ChangeHolder | Workload
