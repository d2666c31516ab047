"""What a controller that polls is answered."""

from datetime import datetime

from pydantic import AnyUrl

from gate.api.models.views import View
from gate.core.decision.values import Outcome
from gate.flow.queries.verdict import Phase


class VerdictReason(View):
    """One sentence of a decision; its facts stand in the change."""

    rule: str
    title: str
    points: int
    holds: bool | None
    because: str


class VerdictView(View):
    """One word for a commit or an artifact in a place, and why."""

    phase: Phase
    outcome: Outcome | None
    reasons: list[VerdictReason]
    change: str | None
    next_opening: datetime | None
    page: AnyUrl
