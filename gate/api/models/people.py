"""Requests of admins about people."""

from typing import Annotated, Self, TypeAlias

from pydantic import ConfigDict, JsonValue, StringConstraints, model_validator

from gate.api.models.fields import Flag, RequestModel
from gate.flow.answers.person import PersonRole
from gate.flow.caller import Role
from gate.flow.commands import InvitationCommand, PersonCommand
from gate.flow.identity.sessions import ADDRESS_LENGTH_MAX

_ADDRESS = r"^[^\s\x00-\x1f\x7f-\x9f@]+(?:@[^\s\x00-\x1f\x7f-\x9f@]+)+$"
"""An e-mail address. Control characters are listed, because readers of a pattern differ in which of
them `\\s` covers."""
Email: TypeAlias = Annotated[
    str, StringConstraints(min_length=3, max_length=ADDRESS_LENGTH_MAX, pattern=_ADDRESS)
]

_SAYS_SOMETHING: list[JsonValue] = [
    {"required": ["role"]},
    {"required": ["disabled"], "properties": {"disabled": {"type": "boolean"}}},
]


class InvitationRequest(RequestModel):
    """An invitation. Without a role the person keeps the current one."""

    email: Email
    role: PersonRole | None = None

    def command(self) -> InvitationCommand:
        """Return the request as a command of the flow."""
        return InvitationCommand(self.email, None if self.role is None else Role(self.role))


class PersonRequest(RequestModel):
    """A change of a person: another role, where null is none, or the account disabled or enabled.

    A field that is left out stays as it is.
    """

    model_config = ConfigDict(json_schema_extra={"anyOf": _SAYS_SOMETHING})

    role: PersonRole | None = None
    disabled: Flag | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if "role" not in self.model_fields_set and self.disabled is None:
            raise ValueError("give role, disabled, or both")
        return self

    def command(self) -> PersonCommand:
        """Return the request as a command of the flow."""
        return PersonCommand(
            None if self.role is None else Role(self.role),
            "role" in self.model_fields_set,
            self.disabled,
        )
