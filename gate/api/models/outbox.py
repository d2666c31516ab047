"""What an operator sees of messages to others."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from gate.api.models.views import View


class TargetView(View):
    """Somebody who is told."""

    target: Annotated[str, Field(description="such as `webhook:lake` or `slack`")]
    waiting: Annotated[int, Field(description="messages that are not delivered yet")]
    oldest_at: Annotated[datetime | None, Field(description="when the oldest of them was written")]
    dead: Annotated[int, Field(description="messages that were given up")]


class DeadLetterView(View):
    """A message that was given up; an admin may have it sent again."""

    id: str
    target: str
    change: str | None
    at: datetime
    dead_at: datetime
    attempts: int
    error: Annotated[str, Field(description="why the last attempt failed")]


class OutboxView(View):
    """All targets with messages, and a part of the messages that were given up, newest first."""

    targets: list[TargetView]
    dead: list[DeadLetterView]
    next: Annotated[
        str | None, Field(description="the `cursor` of the part of `dead` after this one")
    ]
