"""Somebody saw a deployment: it belongs to a change that was admitted, or it went past the gate."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gate.core.change import Result
from gate.flow.gate import Gate


@dataclass(frozen=True, slots=True)
class DeploymentSeen:
    """What another system says that it deployed. What it does not say is None or empty.

    `environment` may be any of the catalogue's names for it. `source` names who says so (`github`, `cdevents` …), and
    `url` where a person finds it there. `result` None: it has begun, or nobody knows how it ended.
    """

    service: str
    environment: str
    commit: str | None
    result: Result | None
    at: datetime
    source: str
    url: str = ""
    digests: tuple[str, ...] = ()
    went_back: bool = False  # the service runs again what it ran before


class Observed(StrEnum):
    """What became of it."""

    KNOWN = "known"  # it belongs to a change that was admitted, and says nothing new
    CLOSED = "closed"  # it closed its change, or made the result worse
    UNMATCHED = "unmatched"  # nothing like it was admitted here: a row for the report of unadmitted deployments


async def deployment_seen(gate: Gate, seen: DeploymentSeen) -> Observed:
    """Tie it to its change, and close that where the result is known. The same seen again changes nothing."""
    raise NotImplementedError
