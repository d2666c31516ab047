"""Requests for the report on an observing gate."""

from typing import Annotated

from pydantic import Field

from gate.api.models.fields import Instant, Name, RequestModel
from gate.flow.queries.observations import ObservationsQuery


class ObservationsRequest(RequestModel):
    """The place and time of the report."""

    service: Name
    environment: Name
    begins: Annotated[
        Instant | None, Field(alias="from", description="30 days before `to`, if nothing is said")
    ] = None
    ends: Annotated[Instant | None, Field(alias="to", description="now, if nothing is said")] = None

    def query(self) -> ObservationsQuery:
        """Return the request as a query of the flow."""
        return ObservationsQuery(self.service, self.environment, self.begins, self.ends)
