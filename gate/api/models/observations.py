"""What an observing gate saw: what is asked for."""

from typing import Annotated

from pydantic import Field

from gate.api.models.fields import Asked, Instant, Name
from gate.flow.queries.observations import ObservationsAsk


class ObservationsQuery(Asked):
    """Of which place, and of which time."""

    service: Name
    environment: Name
    begins: Annotated[
        Instant | None, Field(alias="from", description="30 days before `to`, if nothing is said")
    ] = None
    ends: Annotated[Instant | None, Field(alias="to", description="now, if nothing is said")] = None

    def ask(self) -> ObservationsAsk:
        """Return the request as a query of the flow."""
        return ObservationsAsk(self.service, self.environment, self.begins, self.ends)
