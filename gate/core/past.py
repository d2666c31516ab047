"""Deployments and incidents from before the gate was asked, as another system keeps them.

They are imported so that the report on an observing gate has something to say on its first day.
They were never admitted, so no decision, no earning and no figure of delivery is made from them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from gate.core.change import FAILED_RESULTS, Result
from gate.core.facts import Value
from gate.core.incident import Suspect, suspected

NO_FACTS: Mapping[str, Value] = MappingProxyType({})


class PastFacts(NamedTuple):
    """The facts of a past deployment.

    `claimed` was measured in a clone, as a pipeline would have claimed it, and `verified` comes
    from the code host or the table. `is_named` says that an author is known, and `is_confirmed`
    that the code host confirms who it is.
    """

    verified: Mapping[str, Value] = NO_FACTS
    claimed: Mapping[str, Value] = NO_FACTS
    is_named: bool = False
    is_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class PastDeployment:
    """One that has ended.

    `source` and `key` are what its own system calls it, so that it is imported once. `ref` is where
    the commit came from. `facts` None: nobody asked for them yet.
    """

    source: str
    key: str
    service: str
    environment: str
    commit: str
    began_at: datetime
    ended_at: datetime
    result: Result
    ref: str | None = None
    facts: PastFacts | None = None

    @property
    def name(self) -> str:
        """Its source and key as one text."""
        return f"{self.source}/{self.key}"


@dataclass(frozen=True, slots=True)
class PastIncident:
    """Something broke. `environment` None: its source does not say where."""

    source: str
    key: str
    service: str
    environment: str | None
    began_at: datetime
    resolved_at: datetime | None


def failures(
    deployments: Sequence[PastDeployment], incidents: Iterable[PastIncident]
) -> dict[str, datetime]:
    """Return when each deployment that failed was known to have failed, by its name.

    An incident is put down to a deployment by the same rule as an incident of today.
    """
    found = {one.name: one.ended_at for one in deployments if one.result in FAILED_RESULTS}
    suspects = [Suspect(one.name, one.began_at, one.ended_at, one.result) for one in deployments]
    for incident in incidents:
        tied = suspected(suspects, incident.began_at)
        if tied is not None:
            name = tied[0]
            found[name] = min(incident.began_at, found.get(name, incident.began_at))
    return found
