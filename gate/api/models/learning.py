"""Requests about measures and the scorecard."""

from decimal import Decimal
from typing import Annotated, TypeAlias

from pydantic import Field, StringConstraints, field_validator

from gate.api.models.fields import Instant, Line, Name, RequestModel
from gate.core.facts import DECIMAL_UNIT
from gate.flow.learning.measures import MeasureCommand
from gate.flow.learning.scorecard import ScorecardQuery

VALUE_MAX = 1e11
"""The largest value. In ten-thousandths it is still exact as a JSON number."""

MeasureName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,59}$")]


class MeasureRequest(RequestModel):
    """One value at one time. Without an environment it is about all environments of the service."""

    service: Name
    environment: Name | None = None
    name: Annotated[
        MeasureName, Field(description="such as satisfaction, adoption, cost, availability")
    ]
    unit: Line
    value: Annotated[
        float,
        Field(strict=True, ge=-VALUE_MAX, le=VALUE_MAX, description="with at most 4 places"),
    ]
    at: Instant

    @field_validator("value")
    @classmethod
    def _has_few_places(cls, value: float) -> float:
        shown = Decimal(str(value)) * DECIMAL_UNIT
        if shown != shown.to_integral_value():
            raise ValueError(f"found {value}, allowed is a number with at most 4 places")
        return value

    def command(self) -> MeasureCommand:
        """Return the request as a command of the flow."""
        return MeasureCommand(
            self.service,
            self.environment,
            self.name,
            self.unit,
            int(Decimal(str(self.value)) * DECIMAL_UNIT),
            self.at,
        )


class ScorecardRequest(RequestModel):
    """The places and days of the scorecard. Without a name it has all places with deployments."""

    service: Name | None = None
    environment: Name | None = None
    owner: Annotated[Name | None, Field(description="a group that owns services")] = None
    begins: Annotated[
        Instant | None, Field(alias="from", description="30 days before `to`, if nothing is said")
    ] = None
    ends: Annotated[Instant | None, Field(alias="to", description="now, if nothing is said")] = None

    def query(self) -> ScorecardQuery:
        """Return the request as a query of the flow."""
        return ScorecardQuery(self.service, self.environment, self.owner, self.begins, self.ends)
