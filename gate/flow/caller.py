"""Callers and their proofs. A caller is an argument of every function, and is never kept in a
global.

Every caller has two names. `caller` names the holder of the proof: idempotency keys and limits
belong to it, and ledger entries name it. `root` names the person who answers for it: a token may
have been made with another token, and at the root of that chain stands a person. One person with
many tokens is still one person, so code that compares two people compares their roots.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from gate.core.workload import Workload

NOBODY = "This needs a valid token: `Authorization: Bearer …`."
"""One answer for every reason, so that nobody learns which part was wrong."""

PERSON = "person:"
"""The beginning of the name of a caller who is a person."""


class Role(StrEnum):
    """The role for which an API token was made. A personal token has no role, because it acts as
    its person.
    """

    PIPELINE = "pipeline"
    HOOK = "hook"
    AUDITOR = "auditor"
    ADMIN = "admin"


class HookKind(StrEnum):
    """The kind of report that a token of role `hook` may send, beside incidents."""

    CDEVENTS = "cdevents"
    ALERTMANAGER = "alertmanager"
    INCIDENTS = "incidents"


@dataclass(frozen=True, slots=True)
class Machine:
    """An API token of a role; machines never approve. `services` None is all of them.

    `person` is who made it, through however many other tokens; None for one that was made on the
    host.
    """

    id: str
    role: Role
    services: frozenset[str] | None = None
    person: str | None = None
    hook: HookKind | None = None

    @property
    def caller(self) -> str:
        """The name of the token."""
        return f"token:{self.id}"

    @property
    def root(self) -> str:
        """The person at the root, or else the token.

        A token that was made on the host has no person at its root, because anybody may have been
        there.
        """
        if self.person is None:
            return self.caller
        return f"{PERSON}{self.person}"


@dataclass(frozen=True, slots=True)
class BySession:
    """Signed in at a browser. `csrf` is what a form of the session must bring back."""

    id: str
    csrf: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ByChat:
    """A button in the chat, whose signature says who pressed it."""


@dataclass(frozen=True, slots=True)
class ByToken:
    """A personal token: whoever holds it, which may be a program."""

    id: str


Proof: TypeAlias = BySession | ByChat | ByToken
"""The proof by which a person is known."""


@dataclass(frozen=True, slots=True)
class Person:
    """A person of the catalogue, or one outside it who was invited."""

    id: str
    groups: frozenset[str]
    proof: Proof
    # Admin, auditor, or none.
    role: Role | None = None

    @property
    def caller(self) -> str:
        """The person, whatever the proof."""
        return f"{PERSON}{self.id}"

    @property
    def root(self) -> str:
        """The person as well, because a personal token stands for its person."""
        return self.caller

    @property
    def token(self) -> str | None:
        """The id of the personal token, where that is the proof."""
        return self.proof.id if isinstance(self.proof, ByToken) else None

    @property
    def csrf(self) -> str:
        """The text that a form must send back. Empty without a session, and then no form counts."""
        return self.proof.csrf if isinstance(self.proof, BySession) else ""


@dataclass(frozen=True, slots=True)
class ChangeHolder:
    """The holder of the token of one change, who may read, admit, close and cancel that change."""

    change: str
    # Who submitted the change.
    caller: str
    # The fingerprint of what was proved when the token was issued.
    proof: str | None = None

    @property
    def root(self) -> str:
        """The submitter of the change."""
        return self.caller


Caller: TypeAlias = Machine | Person | ChangeHolder | Workload


def root_person(by: Caller) -> str | None:
    """Return the id of the person who answers for this caller, or None if none is known."""
    return by.id if isinstance(by, Person) else by.person if isinstance(by, Machine) else None
