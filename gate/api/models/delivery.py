"""How a place delivers: what is asked for."""

from typing import Annotated

from pydantic import Field

from gate.api.models.fields import Asked, Instant, Name
from gate.flow.queries.delivery import DeliveryAsk


class DeliveryQuery(Asked):
    """Of which place, and of which days: those that the times lie in, whole and UTC."""

    service: Name
    environment: Name
    begins: Annotated[
        Instant | None, Field(alias="from", description="30 days before `to`, if nothing is said")
    ] = None
    ends: Annotated[Instant | None, Field(alias="to", description="now, if nothing is said")] = None

    def ask(self) -> DeliveryAsk:
        """Return the request as a query of the flow."""
        return DeliveryAsk(self.service, self.environment, self.begins, self.ends)
