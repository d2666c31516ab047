"""What is answered to admins, release managers and operators: windows, tokens, policy sets,
health.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, JsonValue

from gate.api.models.views import View
from gate.flow.caller import HookKind, Role


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
