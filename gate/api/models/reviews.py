"""Requests of people about a change: approvals, rejections, overrides and reviews after
emergencies.
"""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from gate.api.models.fields import SHA256, Flag, LongText, Name, Reason, RequestModel
from gate.flow.commands import NoticeCommand, OverrideCommand, PostReviewCommand, ReviewCommand

ACTIONS_MAX = 50
SubjectDigest = Annotated[str, StringConstraints(pattern=SHA256)]


class ApprovalRequest(RequestModel):
    """An approval of what `subject_digest` stands for, which is the change as it was shown."""

    subject_digest: SubjectDigest
    comment: LongText | None = None

    def command(self) -> ReviewCommand:
        """Return the request as a command of the flow."""
        return ReviewCommand(self.subject_digest, self.comment or "")


class RejectionRequest(RequestModel):
    """A rejection, with its reason."""

    subject_digest: SubjectDigest
    comment: Reason

    def command(self) -> ReviewCommand:
        """Return the request as a command of the flow."""
        return ReviewCommand(self.subject_digest, self.comment)


class OverrideRequest(RequestModel):
    """An override of a window, or with `stop` of the stopped line, for this change.

    With neither of them, a rejection is lifted.
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

    def command(self) -> OverrideCommand:
        """Return the request as a command of the flow."""
        return OverrideCommand(self.comment, self.window, self.stop or False)


class NoticeRequest(RequestModel):
    """A record that customers were given the notice of this duty."""

    duty: Annotated[str, StringConstraints(pattern="^[a-z-]{1,40}$")]
    comment: LongText | None = None

    def command(self) -> NoticeCommand:
        """Return the request as a command of the flow."""
        return NoticeCommand(self.duty, self.comment or "")


class PostReviewRequest(RequestModel):
    """The findings of a review, and the actions that follow."""

    findings: Reason
    comment: Reason
    actions: Annotated[tuple[Reason, ...], Field(max_length=ACTIONS_MAX)] | None = None

    def command(self) -> PostReviewCommand:
        """Return the request as a command of the flow."""
        return PostReviewCommand(self.findings, self.comment, self.actions or ())
