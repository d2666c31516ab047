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
    severity: str | None  # None: the source does not say, so what it said before stands
    began_at: datetime
    environment: str | None = None
    resolved_at: datetime | None = None
    id: str | None = None
    changes: tuple[str, ...] = ()  # that the source names as its cause
    source: str = API
    url: str = ""  # where a person finds it at its source
    told_at: datetime | None = None  # when the source said so; None: now
    is_alert: bool = False  # below the service's `alerts_count_from` it is put down to nothing
    comes_back: bool = False  # what began after it was resolved is another incident
    reopened: bool = False  # the source takes back that it was resolved
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
    repository: Repository | None = None  # that it came from, where a code host says so
    went_back: bool = False  # the service runs again what it ran before


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
