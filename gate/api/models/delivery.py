"""How a place delivers: what is asked for and answered."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from gate.api.models.fields import Asked, Instant, Name
from gate.api.models.views import View
from gate.flow.answers.parts import Unknown
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


class SpreadView(View):
    """Half of all values, and nine of ten, are not above these; null where there is none.

    Three digits are kept.
    """

    p50: int | None
    p90: int | None
    n: int


class FailRateView(View):
    """A rate with the 95 % interval of Wilson; null where nothing was deployed."""

    failed: int
    deployments: int
    rate: float | None
    low: float | None
    high: float | None


class ShareView(FailRateView):
    """The figures for one value of what they are divided by; a null value is none."""

    value: str | None


class ReworkView(View):
    """How many deployments repaired an earlier one, or were emergencies."""

    rework: int
    deployments: int
    rate: float | None


class DivisionsView(View):
    """Change fail rate by what decided.

    `rule` is policy and rule; of `service` the others of the environment are shown too.
    """

    route: list[ShareView]
    band: list[ShareView]
    rule: list[ShareView]
    policy: list[ShareView]
    service: list[ShareView]
    standard_change: list[ShareView]


class DeliveryView(View):
    """DORA's five for one service in one environment."""

    service: str
    environment: str
    unknown: Unknown
    from_: Annotated[datetime, Field(alias="from")]
    to: datetime
    change_lead_time_seconds: SpreadView
    deployment_frequency_per_day: float
    failed_deployment_recovery_time_seconds: SpreadView
    change_fail_rate: FailRateView
    deployment_rework_rate: ReworkView
    by: DivisionsView
