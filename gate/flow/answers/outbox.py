"""The answer about messages to other systems, for an operator."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True)
class TargetAnswer:
    """A receiver of messages."""

    target: Annotated[str, Field(description="such as `webhook:lake` or `slack`")]
    waiting: Annotated[int, Field(description="messages that are not delivered yet")]
    oldest_at: Annotated[datetime | None, Field(description="when the oldest of them was written")]
    dead: Annotated[int, Field(description="messages that were given up")]


@dataclass(frozen=True)
class DeadLetterAnswer:
    """A message that was given up. An admin may have it sent again."""

    id: str
    target: str
    change: str | None
    at: datetime
    dead_at: datetime
    attempts: int
    error: Annotated[str, Field(description="why the last attempt failed")]


@dataclass(frozen=True)
class OutboxAnswer:
    """All targets with messages, and a part of the messages that were given up, newest first."""

    dead: Sequence[DeadLetterAnswer]
    next: Annotated[
        str | None, Field(description="the `cursor` of the part of `dead` after this one")
    ]
    targets: tuple[TargetAnswer, ...]
