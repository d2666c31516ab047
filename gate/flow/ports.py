"""What `integrations` makes and `app.py` hands in: code hosts, chat, and the identity provider.

Tests hand in their own.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol, TypeAlias

from gate.core.change import Repository
from gate.core.messages.external import Begun, External
from gate.core.messages.host import HostFacts, HostQuestion
from gate.core.messages.host_reports import RunSeen
from gate.core.messages.notice import Click, Notice


class CodeHost(Protocol):
    """One installation of GitHub or GitLab."""

    @property
    def name(self) -> str:
        """How people call it: the host name."""

    async def facts(self, question: HostQuestion) -> HostFacts:
        """What it says.

        Raises `SourceUnavailable` for no answer at all; of a part that fails the answer is silent.
        """

    async def run(self, repository: Repository, run: str) -> RunSeen:
        """A run of a pipeline as the host itself describes it. Raises `SourceUnavailable`."""


class Lender(Protocol):
    """A code host that can be asked with a token which a pipeline lends."""

    def lent(self, token: str) -> CodeHost:
        """The host for whoever has this token."""


Lenders: TypeAlias = Mapping[str, Lender]
"""By the issuer of the identity tokens that must stand beside a lent one."""

Hosts: TypeAlias = Mapping[str, CodeHost]
"""By the issuer of their identity tokens, which is how a repository names its host."""


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
