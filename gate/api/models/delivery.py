"""Requests for the delivery figures of a place."""

from typing import Annotated

from pydantic import Field

from gate.api.models.fields import Instant, Name, RequestModel
from gate.flow.queries.delivery import DeliveryQuery


class DeliveryRequest(RequestModel):
    """The place and the days of the figures. They cover the whole days in UTC in which both times
    lie.
    """

    service: Name
    environment: Name
    begins: Annotated[
        Instant | None, Field(alias="from", description="30 days before `to`, if nothing is said")
    ] = None
    ends: Annotated[Instant | None, Field(alias="to", description="now, if nothing is said")] = None

    def query(self) -> DeliveryQuery:
        """Return the request as a query of the flow."""
        return DeliveryQuery(self.service, self.environment, self.begins, self.ends)
