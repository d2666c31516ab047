"""Requests about incidents and their links."""

from typing import Annotated, Self, TypeAlias

from pydantic import Field, StringConstraints, model_validator

from gate.api.models.fields import ChangeId, Instant, Name, Reason, RequestModel
from gate.api.models.queries import PartQuery
from gate.core.messages.reports import IncidentReport
from gate.storage.incidents.incidents import IncidentFilters
from gate.storage.incidents.sightings import Missing, SightingFilters

Severity: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
IncidentId: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:#-]{0,99}$")
]


class IncidentRequest(RequestModel):
    """A report of an incident, or an update: the same `id` again is the same incident."""

    id: Annotated[
        IncidentId | None,
        Field(description="your own name for it; without one each report is a new incident"),
    ] = None
    title: Name
    service: Name
    environment: Annotated[
        Name | None, Field(description="absent: every environment of tier production")
    ] = None
    severity: Annotated[
        Severity, Field(description="such as critical, high, warning, info; case does not matter")
    ]
    began_at: Instant
    resolved_at: Instant | None = None
    change: Annotated[ChangeId | None, Field(description="the change that it is put down to")] = (
        None
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.resolved_at is not None and self.resolved_at < self.began_at:
            raise ValueError(
                f"resolved_at {self.resolved_at.isoformat()} is before began_at "
                f"{self.began_at.isoformat()}"
            )
        return self

    def report(self) -> IncidentReport:
        """Return the request as a command of the flow."""
        return IncidentReport(
            id=self.id,
            title=self.title,
            service=self.service,
            environment=self.environment,
            severity=self.severity,
            began_at=self.began_at,
            resolved_at=self.resolved_at,
            changes=() if self.change is None else (self.change,),
        )


class LinkRequest(RequestModel):
    """A link of an incident to this change. A link that the gate made because of the time is
    confirmed.
    """

    change: ChangeId
    reason: Reason


class UnlinkRequest(RequestModel):
    """The reason why the incident was not caused by that change."""

    reason: Reason | None = None


class IncidentsQuery(PartQuery):
    """The filters of incidents. The times are about when they began."""

    service: Name | None = None
    environment: Name | None = None
    open: Annotated[
        bool | None, Field(description="true: those that go on; false: those that are over")
    ] = None
    change: Annotated[
        ChangeId | None, Field(description="those that are put down to this change")
    ] = None

    def filters(self) -> IncidentFilters:
        """Return the parameters as filters of the list."""
        return IncidentFilters(**self.own())


class SightingsQuery(PartQuery):
    """The filters of deployments that went past the gate. The times are about when they were seen
    last.
    """

    service: Name | None = None
    environment: Name | None = None
    source: Annotated[
        Name | None, Field(description="who saw it, such as github, gitlab, cdevents")
    ] = None
    missing: Annotated[Missing | None, Field(description="what would have explained it")] = None

    def filters(self) -> SightingFilters:
        """Return the parameters as filters of the list."""
        return SightingFilters(**self.own())
