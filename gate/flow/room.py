"""The chat that is asked for reviews, as the chapters see it.

Made in `integrations`, handed in by `app.py`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from gate.core.messages.notice import Click, Notice


class Chat(Protocol):
    """One channel. Sending raises as `Deliver` does."""

    @property
    def headers(self) -> tuple[str, ...]:
        """What `pressed` looks at, in lower case."""

    async def say(self, notice: Notice) -> None:
        """Put a message into the channel."""

    async def answer(self, reply_to: str, text: str) -> None:
        """Tell somebody what became of the button they pressed; nobody else sees it."""

    def pressed(
        self, headers: Mapping[str, str | None], body: bytes, now: datetime
    ) -> Click | None:
        """A button, None for anything else that is told.

        Raises `NotFound`, `Unauthenticated`, `Invalid`.
        """
