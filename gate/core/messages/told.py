"""What other systems tell, once their own words are translated: something broke, or something was
deployed.
"""

from dataclasses import dataclass, field
from datetime import datetime

import orjson

from gate.core.change import Repository, Result

API = "api"
"""The source of an incident that was told over the gate's own interface."""


@dataclass(frozen=True, slots=True)
class IncidentTold:
    """Something broke, or news of it.

    `id` is the teller's own name for it: the same again is the same incident.
    """

    title: str
    service: str
    # None: the source does not say, so what it said before stands.
    severity: str | None
    began_at: datetime
    environment: str | None = None
    resolved_at: datetime | None = None
    id: str | None = None
    # That the source names as its cause.
    changes: tuple[str, ...] = ()
    source: str = API
    # Where a person finds it at its source.
    url: str = ""
    # When the source said so; None: now.
    told_at: datetime | None = None
    # Below the service's `alerts_count_from` it is put down to nothing.
    is_alert: bool = False
    # What began after it was resolved is another incident.
    comes_back: bool = False
    # The source takes back that it was resolved.
    reopened: bool = False
    # the source tells of the end alone: without its beginning there is nothing to tell of
    is_end: bool = False


@dataclass(frozen=True, slots=True)
class DeploymentSeen:
    """What another system says that it deployed.

    What it does not say is None or empty, the service of a repository among it.

    `environment` may be any of the catalogue's names for it. `source` names who says so (`github`,
    `cdevents` …), and `url` where a person finds it there. `result` None: it has begun, or nobody
    knows how it ended.
    """

    service: str
    environment: str
    commit: str | None
    result: Result | None
    at: datetime
    source: str
    url: str = ""
    digests: tuple[str, ...] = field(default=())
    # That it came from, where a code host says so.
    repository: Repository | None = None
    # The service runs again what it ran before.
    went_back: bool = False


def write(told: IncidentTold | DeploymentSeen) -> bytes:
    """As it waits to be worked on."""
    return orjson.dumps(told)


def read_incident(content: bytes) -> IncidentTold:
    """What `write` wrote."""
    raw = orjson.loads(content)
    for name in ("began_at", "resolved_at", "told_at"):
        raw[name] = raw[name] and datetime.fromisoformat(raw[name])
    raw["changes"] = tuple(raw["changes"])
    return IncidentTold(**raw)


def read_deployment(content: bytes) -> DeploymentSeen:
    """What `write` wrote."""
    raw = orjson.loads(content)
    raw["at"] = datetime.fromisoformat(raw["at"])
    raw["result"] = raw["result"] and Result(raw["result"])
    raw["digests"] = tuple(raw["digests"])
    raw["repository"] = raw["repository"] and Repository(**raw["repository"])
    return DeploymentSeen(**raw)
