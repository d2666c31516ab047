"""What people send about a change: approvals, rejections, overrides, post-implementation
reviews.
"""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from gate.api.models.fields import SHA256, Asked, Flag, LongText, Name, Reason
from gate.flow.asks import OverrideAsk, PostReviewAsk, ReviewAsk

ACTIONS_MAX = 50
SubjectDigest = Annotated[str, StringConstraints(pattern=SHA256)]


class ApprovalRequest(Asked):
    """Yes to what `subject_digest` stands for: the change as it was shown."""

    subject_digest: SubjectDigest
    comment: LongText | None = None

    def ask(self) -> ReviewAsk:
        """Return the request as a command of the flow."""
        return ReviewAsk(self.subject_digest, self.comment or "")


class RejectionRequest(Asked):
    """No, and why."""

    subject_digest: SubjectDigest
    comment: Reason

    def ask(self) -> ReviewAsk:
        """Return the request as a command of the flow."""
        return ReviewAsk(self.subject_digest, self.comment)


class OverrideRequest(Asked):
    """A window, or with `stop` the stopped line, shall not hold this change.

    With neither, a rejection is lifted.
    """

    comment: Reason
    window: Name | None = None
    stop: Flag | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.stop and self.window is not None:
            raise ValueError(
                "name a window or say stop, not both; each hold is overridden by itself"
            )
        return self

    def ask(self) -> OverrideAsk:
        """Return the request as a command of the flow."""
        return OverrideAsk(self.comment, self.window, self.stop or False)


class PostReviewRequest(Asked):
    """What was found, and what is done about it."""

    findings: Reason
    comment: Reason
    actions: Annotated[tuple[Reason, ...], Field(max_length=ACTIONS_MAX)] | None = None

    def ask(self) -> PostReviewAsk:
        """Return the request as a command of the flow."""
        return PostReviewAsk(self.findings, self.comment, self.actions or ())
