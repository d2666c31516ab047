"""Answers about people and tokens, for admins."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from gate.flow.caller import HookKind, Role

PersonRole: TypeAlias = Literal["admin", "auditor"]


@dataclass(frozen=True)
class PersonAnswer:
    """A person with an account.

    `groups` are the person's groups now, including those of the identity provider. `link_asked_by`
    is the admin who asked for a new link that a second admin has yet to confirm.
    """

    id: str
    name: str
    email: str
    role: PersonRole | None
    groups: tuple[str, ...]
    password: bool
    single_sign_on: bool
    invited: bool
    link_asked_by: str | None
    disabled: bool
    signed_in_at: datetime | None


@dataclass(frozen=True)
class InvitedAnswer(PersonAnswer):
    """The person who was invited, with the one-time link, which is shown only in this answer.

    A null `invitation` means that another admin has to ask for the link too, until `expires_at`.
    """

    invitation: str | None
    expires_at: datetime


@dataclass(frozen=True)
class TokenMadeAnswer:
    """A new token. Its text is shown only in this answer."""

    id: str
    token: str


@dataclass(frozen=True)
class TokenAnswer:
    """An API token, without its secret."""

    id: str
    role: Role | None
    person: str | None
    services: tuple[str, ...] | None
    hook: HookKind | None
    name: str | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
