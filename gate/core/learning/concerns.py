"""What people have to look after: things that were found and that nobody has mended yet."""

from datetime import timedelta
from enum import StrEnum

LOOKED_BACK = timedelta(days=30)
"""An incident or a failure that is older is no work of today; the log has it."""

AGEING_MIN = timedelta(hours=4)
"""Half a working day; a change that waits for less does not age, however fast others were
decided."""


class Concern(StrEnum):
    """The kinds of things to look after, each mended in another way."""

    UNLINKED_INCIDENT = "unlinked_incident"
    FAILED_WITHOUT_REVIEW = "failed_without_review"
    REVIEW_OVERDUE = "review_overdue"
    AGEING = "ageing"
    RECURRING = "recurring"
    IMPROVEMENT_OVERDUE = "improvement_overdue"
    RULE_OVERDUE = "rule_overdue"


TRIAGE = (
    Concern.UNLINKED_INCIDENT,
    Concern.FAILED_WITHOUT_REVIEW,
    Concern.REVIEW_OVERDUE,
    Concern.AGEING,
    Concern.RECURRING,
)
"""What the triage list has, in its order."""

OVERDUE = (
    Concern.REVIEW_OVERDUE,
    Concern.IMPROVEMENT_OVERDUE,
    Concern.RULE_OVERDUE,
    Concern.AGEING,
)
"""What a week names as overdue, in its order."""


class Recovery(StrEnum):
    """How a place became well again after a failed change."""

    ROLLED_BACK = "rolled_back"
    REDEPLOYED = "redeployed"
    FIXED_FORWARD = "fixed_forward"
    # The incidents were resolved, and nothing was deployed for it.
    RESOLVED = "resolved"
    NOT_YET = "not_yet"
