"""Requests about measures, the scorecard, improvements, weeks and triage."""

from decimal import Decimal
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, StringConstraints, field_validator, model_validator

from gate.api.models.fields import Instant, Line, Link, Name, Reason, RequestModel, To
from gate.core.facts import DECIMAL_UNIT, TEXT_LENGTH_MAX
from gate.core.learning.concerns import Concern
from gate.core.learning.improvements import Figure, Priority
from gate.core.learning.issues import TrackerName
from gate.flow.learning.improvements import ImprovementCommand
from gate.flow.learning.measures import MeasureCommand
from gate.flow.learning.scorecard import ScorecardQuery
from gate.flow.learning.weeks import PackPart, WeekQuery
from gate.storage.figures.waits import WaitFilters

VALUE_MAX = 1e11
"""The largest value. In ten-thousandths it is still exact as a JSON number."""

PROPOSAL_LENGTH_MAX = 2_000
"""The id of a proposal may have a path in it."""

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
        value = int(Decimal(str(self.value)) * DECIMAL_UNIT)
        return MeasureCommand(**{**dict(self), "value": value})


class ScorecardRequest(RequestModel):
    """The places and days of the scorecard. Without a name it has all places with deployments."""

    service: Name | None = None
    environment: Name | None = None
    owner: Annotated[Name | None, Field(description="a group that owns services")] = None
    begins: Annotated[
        Instant | None, Field(alias="from", description="30 days before `to`, if nothing is said")
    ] = None
    ends: To = None

    def query(self) -> ScorecardQuery:
        """Return the request as a query of the flow."""
        return ScorecardQuery(**dict(self))


class ImprovementRequest(RequestModel):
    """An item of the register: one sentence of experiment, and what it is measured by."""

    proposal: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=PROPOSAL_LENGTH_MAX)] | None,
        Field(description="the id of a proposal that this takes"),
    ] = None
    service: Name
    environment: Name
    experiment: Annotated[Reason, StringConstraints(max_length=TEXT_LENGTH_MAX)]
    owner: Annotated[Name, Field(description="a group that answers for it")]
    priority: Priority
    due_at: Annotated[Instant, Field(description="when the figure is read again")]
    figure: Figure
    link: Link | None = None

    def command(self) -> ImprovementCommand:
        """Return the request as a command of the flow."""
        return ImprovementCommand(**dict(self))


class IssueRequest(RequestModel):
    """Either where the gate shall open an issue, or the address of one that there is."""

    tracker: TrackerName | None = None
    link: Annotated[
        Link | None, Field(description="of an issue of the item's service at a configured tracker")
    ] = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.tracker is None) == (self.link is None):
            raise ValueError("allowed is either `tracker` or `link`")
        return self


class ImprovementPatch(RequestModel):
    """Either a later due date, or what was found, which closes the item."""

    due_at: Instant | None = None
    finding: Reason | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.due_at is None) == (self.finding is None):
            raise ValueError("allowed is either `due_at` or `finding`")
        return self


WeekName: TypeAlias = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{4}-W[0-9]{2}$"),
    Field(description="a week as ISO 8601 writes it, such as 2026-W48"),
]


class WeekRequest(RequestModel):
    """The week of the pack. Without one it is the week that goes on."""

    week: WeekName | None = None
    part: Annotated[
        PackPart | None, Field(description="the part whose lists have all their lines")
    ] = None
    format: Literal["json", "markdown"] = "json"

    def query(self) -> WeekQuery:
        """Return the request as a query of the flow."""
        return WeekQuery(self.week, self.part)


class WaitsRequest(RequestModel):
    """The week, and the group or the place that changes waited for or in."""

    week: WeekName
    group: Name | None = None
    service: Name | None = None
    environment: Name | None = None

    def filters(self) -> WaitFilters:
        """Return the request as filters of the list."""
        return WaitFilters(**dict(self))


class TriageRequest(RequestModel):
    """The kind of things that are asked for. Without one these are the first of each kind."""

    kind: Concern | None = None
