"""The parts that `integrations` makes and `app.py` hands in: code hosts, chat, identity provider.

`flow` knows only these protocols, and tests hand in objects of their own.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

from gate.core.change import Repository
from gate.core.learning.issues import Issue, IssueDraft, TrackerName
from gate.core.messages.digest import Digest
from gate.core.messages.external import Begun, External
from gate.core.messages.host import HostFacts, HostQuestion
from gate.core.messages.host_reports import RunSeen
from gate.core.messages.notice import Click, Notice


class CodeHost(Protocol):
    """One installation of GitHub or GitLab."""

    @property
    def name(self) -> str:
        """The host name, as people call it."""

    async def facts(self, question: HostQuestion) -> HostFacts:
        """Return what the host says.

        Raises `SourceUnavailable` if it gives no answer at all. If a part of it fails, the facts of
        that part are left out as silent.
        """

    async def run(self, repository: Repository, run: str) -> RunSeen:
        """Return a run of a pipeline as the host describes it. Raises `SourceUnavailable`."""


class Lender(Protocol):
    """A code host that can be asked with a token which a pipeline lends."""

    def lent(self, token: str) -> CodeHost:
        """Return the host, asked with this token and its rights."""


Lenders: TypeAlias = Mapping[str, Lender]
"""The lenders by the issuer of the identity tokens that must stand beside a lent token."""

Hosts: TypeAlias = Mapping[str, CodeHost]
"""Code hosts by the issuer of their identity tokens, which is how a repository names its host."""


class Tracker(Protocol):
    """One GitHub, GitLab or Jira, for the issues of improvements.

    Its address comes from the settings alone. What it raises is as `Deliver` says.
    """

    @property
    def host(self) -> str:
        """The host name, as people call it."""

    def place(self, repositories: Sequence[Repository]) -> Repository | None:
        """Return where an issue about a service with these repositories is opened, or None."""

    def find(self, link: str, repositories: Sequence[Repository]) -> tuple[Repository, str] | None:
        """Return the place and number of the issue at this address, or None for an address that is
        not of an issue of such a service here.
        """

    async def open(self, place: Repository, draft: IssueDraft) -> Issue:
        """Open an issue, unless there is one with the mark of the draft; return that one then."""

    async def read(self, place: Repository, number: str) -> Issue | None:
        """Return an issue as it is now, or None for one that is not there."""


Trackers: TypeAlias = Mapping[TrackerName, Tracker]
"""The trackers in which the settings let issues be opened."""


class Chat(Protocol):
    """One channel. Sending raises as `Deliver` does."""

    @property
    def headers(self) -> tuple[str, ...]:
        """The names of the headers that `pressed` needs, in lower case."""

    async def say(self, notice: Notice) -> None:
        """Put a message into the channel."""

    async def send(self, digest: Digest) -> None:
        """Put a digest into the channel, cut to what people read there."""

    async def answer(self, reply_to: str, text: str) -> None:
        """Show the person who pressed a button what became of it; nobody else sees it."""

    def pressed(
        self, headers: Mapping[str, str | None], body: bytes, now: datetime
    ) -> Click | None:
        """Return the button that was pressed, or None for a message about anything else.

        Raises `NotFound`, `Unauthenticated`, `Invalid`.
        """


class SingleSignOn(Protocol):
    """The identity provider."""

    async def begin(self, redirect: str) -> Begun:
        """Begin a sign-in, and return where to send the browser. Raises `SourceUnavailable`."""

    async def finish(
        self, begun: Begun, redirect: str, code: str, issuer: str | None, now: datetime
    ) -> External | None:
        """Return who came back, or None for anything that is not exactly what was begun.

        Raises `SourceUnavailable`.
        """
