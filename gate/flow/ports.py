"""Who can verify what a pipeline says: its code host.

Made in `integrations`, handed in by `app.py`; tests hand in their own.
"""

from collections.abc import Mapping
from typing import Protocol, TypeAlias

from gate.core.change import Repository
from gate.core.messages.host import HostAsk, HostFacts
from gate.core.messages.tidings import RunSeen


class CodeHost(Protocol):
    """One installation of GitHub or GitLab."""

    @property
    def name(self) -> str:
        """How people call it: the host name."""

    async def facts(self, ask: HostAsk) -> HostFacts:
        """What it says.

        Raises `SourceUnavailable` for no answer at all; of a part that fails the answer is silent.
        """

    async def run(self, repository: Repository, run: str) -> RunSeen:
        """A run of a pipeline as the host itself describes it. Raises `SourceUnavailable`."""


Hosts: TypeAlias = Mapping[str, CodeHost]
"""By the issuer of their identity tokens, which is how a repository names its host."""
