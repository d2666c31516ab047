"""People and tokens, as admins see them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from gate.flow.caller import HookKind, Role

PersonRole: TypeAlias = Literal["admin", "auditor"]


@dataclass(frozen=True)
class PersonAnswer:
    """Somebody who was let in or shut out.

    `groups` are those of now, the identity provider's among them.

    `link_asked_by` names the admin who has asked for a new link, which waits for another one.
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
    """Who was invited, and the one-time link, which is shown this once.

    Null: another admin has to ask for it too, until `expires_at`.
    """

    invitation: str | None
    expires_at: datetime


@dataclass(frozen=True)
class TokenMadeAnswer:
    """A new token. It is shown this once."""

    id: str
    token: str


@dataclass(frozen=True)
class TokenAnswer:
    """An API token, without what makes it work."""

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
