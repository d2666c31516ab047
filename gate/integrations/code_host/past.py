"""Deployments and incidents as a code host remembers them, and how it is asked for them."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gate.core.change import Repository, Result
from gate.core.messages.host import HostFacts, HostQuestion
from gate.core.past import PastIncident


@dataclass(frozen=True, slots=True)
class Ended:
    """One that has ended.

    `key` is its number at the host; `ref` is where it came from, as the host writes it.
    """

    key: str
    # In the words of the host. Only what the catalogue has under this name is ever kept.
    environment: str
    commit: str
    ref: str | None
    began_at: datetime
    ended_at: datetime
    result: Result


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of the host's list. `ended` None: it is known, goes on, or was no deployment."""

    key: str
    is_known: bool
    ended: Ended | None


@dataclass(frozen=True, slots=True)
class IncidentQuery:
    """Which issues are incidents: those with the label that were opened since then.

    They become incidents of the service, and are known by the name of their source.
    """

    source: str
    service: str
    label: str
    since: datetime


class HostPast(Protocol):
    """A code host, as an import reads it. Its functions raise `SourceUnavailable`."""

    def deployments(
        self, repository: Repository, since: datetime, known: Collection[str]
    ) -> AsyncIterator[Sequence[Listed]]:
        """Yield pages of deployments since then. Those that are `known` are not read again."""

    def incidents(
        self, repository: Repository, query: IncidentQuery
    ) -> AsyncIterator[Sequence[PastIncident]]:
        """Yield pages of issues that are incidents."""

    async def facts(self, question: HostQuestion) -> HostFacts:
        """Return the facts of a deployment."""
