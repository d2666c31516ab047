"""Requests of admins and release managers: policies, freezes, tokens."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from gate.api.models.fields import SCOPE_NAMES_MAX, Flag, Instant, Name, Reason, RequestModel, To
from gate.flow.answers.backtest import TriedOn
from gate.flow.caller import HookKind, Role
from gate.flow.commands import FreezeCommand, TokenCommand
from gate.flow.queries.backtest import BacktestCommand

POLICY_FILES_MAX = 100
_FILE_NAME = r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}(?:/[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}){0,4}$"

Names = Annotated[tuple[Name, ...], Field(max_length=SCOPE_NAMES_MAX)]


class PoliciesRequest(RequestModel):
    """A whole set of policy files by name: policies, catalogue and calendar together."""

    files: Annotated[
        dict[Annotated[str, StringConstraints(pattern=_FILE_NAME)], str],
        Field(min_length=1, max_length=POLICY_FILES_MAX),
    ]


class BacktestRequest(PoliciesRequest):
    """Policies to try on the changes of this time that were deployed."""

    begins: Annotated[
        Instant | None, Field(alias="from", description="90 days before `to`, if nothing is said")
    ] = None
    ends: To = None
    history: Annotated[
        Literal["log", "imported"] | None,
        Field(description="what the gate decided itself, if nothing is said, or what was imported"),
    ] = None

    def command(self) -> BacktestCommand:
        """Return the request as a command of the flow."""
        history = TriedOn(self.history or TriedOn.LOG)
        return BacktestCommand(self.files, self.begins, self.ends, history)


class ActivationRequest(RequestModel):
    """The reason for putting a policy set in force."""

    comment: Reason


class FreezeRequest(RequestModel):
    """A freeze window, or with `stop` a stopped line, which lasts until a person lifts it.

    Without services and environments it covers everything.
    """

    reason: Reason
    stop: Flag | None = None
    begins: Instant | None = None
    ends: Instant | None = None
    services: Names | None = None
    environments: Names | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.stop and (self.begins or self.ends):
            raise ValueError(
                "a stopped line begins now and ends when a person lifts it; leave begins "
                "and ends out"
            )
        if self.begins and self.ends and self.begins >= self.ends:
            raise ValueError(
                f"ends {self.ends.isoformat()} is not after begins {self.begins.isoformat()}"
            )
        return self

    def command(self) -> FreezeCommand:
        """Return the request as a command of the flow."""
        return FreezeCommand(
            self.reason,
            self.stop or False,
            self.begins,
            self.ends,
            self.services or (),
            self.environments or (),
        )


class TokenRequest(RequestModel):
    """A token of a role, or with `person` a personal token of the caller.

    A pipeline token names its services or says `all_services`; a hook token names its services and
    its one kind of hook.
    """

    role: Role | None = None
    services: Names | None = None
    all_services: Flag | None = None
    hook: HookKind | None = None
    person: Name | None = None
    expires_at: Instant | None = None
    name: Annotated[Name | None, Field(description="for people: what it is used for")] = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.role is None) == (self.person is None):
            raise ValueError("give either role or person")
        if self.role is Role.PIPELINE and bool(self.services) == bool(self.all_services):
            raise ValueError("a pipeline token names its services, or says all_services: true")
        if self.role is Role.HOOK and (not self.services or self.hook is None):
            raise ValueError(
                f"a hook token names its services, and as hook one of {', '.join(HookKind)}"
            )
        if self.role is not Role.HOOK and self.hook is not None:
            raise ValueError("only a hook token is for a kind of hook")
        if self.all_services and self.role is not Role.PIPELINE:
            raise ValueError("only a pipeline token may be for all services")
        if self.services and self.role not in {Role.PIPELINE, Role.HOOK}:
            raise ValueError("only a pipeline or hook token is bound to services")
        return self

    def command(self) -> TokenCommand:
        """Return the request as a command of the flow."""
        return TokenCommand(
            self.role,
            frozenset(self.services or ()) or None,
            self.person,
            self.expires_at,
            self.hook,
            self.name,
        )
