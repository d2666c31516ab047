"""What an observing gate saw: what is asked for and answered."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from gate.api.models.fields import Asked, Instant, Name
from gate.api.models.views import View
from gate.flow.answers.parts import Unknown
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


class WouldView(View):
    """How many changes would have had each outcome."""

    approved: int
    pending: int
    rejected: int


class WaitView(View):
    """How long people take where they are asked; null where nobody was."""

    p50: int | None
    p90: int | None


class EarnedView(View):
    """So many settled successes in a row, of so many that are needed."""

    id: str
    earned: int
    of: int


class ObservationsView(View):
    """What the gate would have done with the changes that were deployed here while it observed.

    `failed_stopped`: of those that failed, how many would not have passed at once.
    """

    service: str
    environment: str
    unknown: Unknown
    from_: Annotated[datetime, Field(alias="from")]
    to: datetime
    changes: int
    would: WouldView
    waiting_seconds: WaitView
    failed: int
    failed_stopped: int
    standard_changes: list[EarnedView]
    suggestions: list[str]
