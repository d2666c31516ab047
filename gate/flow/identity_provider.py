"""What the identity provider of people is asked; `app.py` hands in the one that is set up."""

from datetime import datetime
from typing import Protocol

from gate.core.messages.external import Begun, External


class SingleSignOn(Protocol):
    """The identity provider."""

    async def begin(self, redirect: str) -> Begun:
        """Where to send a browser. Raises `SourceUnavailable`."""

    async def finish(
        self, begun: Begun, redirect: str, code: str, issuer: str | None, now: datetime
    ) -> External | None:
        """Who came back; None for anything that is not exactly what was begun.

        Raises `SourceUnavailable`.
        """
