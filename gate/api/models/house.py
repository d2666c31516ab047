"""What is answered to admins, release managers and operators: windows, tokens, policy sets,
health.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from gate.api.models.views import View
from gate.flow.answers.parts import Unknown
from gate.flow.caller import HookKind, Role


class FreezeView(View):
    """A freeze window, from the calendar or made by a person, or the stopped line."""

    id: str
    reason: str
    stop: bool
    begins: datetime | None
    ends: datetime | None
    services: list[str]
    environments: list[str]


class TokenMade(View):
    """A new token. It is shown this once."""

    id: str
    token: str


class TokenView(View):
    """An API token, without what makes it work."""

    id: str
    role: Role | None
    person: str | None
    services: list[str] | None
    hook: HookKind | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class PolicySetView(View):
    """A registered policy set: its id, the revisions of its three parts, and whether it is in
    force.
    """

    id: str
    revision: str
    policies: str
    catalogue: str
    calendar: str
    registered_at: datetime
    registered_by: str
    active: bool


class PolicySetText(PolicySetView):
    """A policy set with its files; names and addresses of people are left out of the catalogue."""

    files: dict[str, str]


class PolicyCheckView(View):
    """The files can be registered, and this would be their revision."""

    valid: bool
    revision: str | None


class ScheduleView(View):
    """Frozen times, and when the next opening is.

    `more`: some may be left out; ask for fewer days, or for a place.
    """

    items: list[FreezeView]
    more: bool
    unknown: Unknown
    next_opening: datetime | None


class HealthView(View):
    """Alive."""

    status: Literal["ok"]


class ReadyView(View):
    """Whether this server can decide, and what an operator must mend."""

    status: Literal["ready", "unready"]
    problems: list[str]


class SchemaView(BaseModel):
    """A JSON Schema for editors."""

    model_config = ConfigDict(extra="allow", frozen=True)

    __pydantic_extra__: dict[str, JsonValue]


class EntryView(BaseModel):
    """An entry of the ledger; the other fields are those of its kind."""

    model_config = ConfigDict(extra="allow")

    v: int
    kind: str
    at: datetime
    change: str | None = None
