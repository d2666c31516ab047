"""Requests about what was deployed to a place: its figures, and the report on an observing gate."""

from typing import Annotated

from pydantic import Field

from gate.api.models.fields import Instant, Name, RequestModel, To
from gate.flow.queries.delivery import DeliveryQuery


class DeliveryRequest(RequestModel):
    """The place and the time. Figures cover the whole days in UTC in which its two ends lie."""

    service: Name
    environment: Name
    begins: Annotated[
        Instant | None, Field(alias="from", description="30 days before `to`, if nothing is said")
    ] = None
    ends: To = None

    def query(self) -> DeliveryQuery:
        """Return the request as a query of the flow."""
        return DeliveryQuery(**dict(self))
