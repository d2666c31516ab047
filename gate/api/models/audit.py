"""Requests for reports and for the authority map."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gate.api.models.fields import Instant, Name, RequestModel, To
from gate.flow.audit.authority import AuthorityQuery
from gate.flow.audit.scope import USUAL_DAYS, ReportQuestion


class ReportQuery(RequestModel):
    """The time and place of a report, and its format."""

    begins: Annotated[
        Instant | None,
        Field(alias="from", description=f"{USUAL_DAYS} days before `to`, if nothing is said"),
    ] = None
    ends: To = None
    at: Annotated[
        Instant | None, Field(description="by when something is late, or who was entitled; `to`")
    ] = None
    service: Name | None = None
    environment: Name | None = None
    format: Literal["json", "csv"] = "json"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.begins is not None and self.ends is not None and self.begins >= self.ends:
            raise ValueError("to is not after from")
        return self

    def question(self) -> ReportQuestion:
        """Return the parameters as a question of the flow."""
        return ReportQuestion(self.begins, self.ends, self.at, self.service, self.environment)


class AuthorityRequest(RequestModel):
    """The places of the map. Without a name it has all places."""

    service: Name | None = None
    environment: Name | None = None

    def query(self) -> AuthorityQuery:
        """Return the request as a query of the flow."""
        return AuthorityQuery(**dict(self))
