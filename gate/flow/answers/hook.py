"""The answer to a sender of hooks."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True)
class TakenAnswer:
    """The delivery is stored, so the sender need not send it again."""

    taken: Annotated[int, Field(description="new, and worked on within seconds")]
    known: Annotated[int, Field(description="sent before; nothing is done twice")]
    ignored: Annotated[tuple[str, ...], Field(description="what nothing is done about, and why")]
