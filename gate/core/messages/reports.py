"""The reports of monitoring and deployment systems as values: an incident, or a deployment.

`integrations` translates each system's payload into one of these. A report waits in the database
until it is processed, so each can be written as JSON and read back.
"""

from dataclasses import dataclass, field
from datetime import datetime

import orjson

from gate.core.change import Repository, Result

API = "api"
"""The source of an incident that was reported to the gate's own interface."""


@dataclass(frozen=True, slots=True)
class IncidentReport:
    """Something broke, or there is news of it.

    `id` is the source's own name for the incident: a second report under it is about the same one.
    """

    title: str
    service: str
    # None if the source does not say; then the severity of its earlier report stays.
    severity: str | None
    began_at: datetime
    environment: str | None = None
    resolved_at: datetime | None = None
    id: str | None = None
    # The changes that the source names as the cause.
    changes: tuple[str, ...] = ()
    source: str = API
    # Where a person finds the incident at its source.
    url: str = ""
    # When the source says that it reported this; None means now.
    reported_at: datetime | None = None
    # An alert below the service's `alerts_count_from` is tied to no change.
    is_alert: bool = False
    # The source uses one name again and again: what begins after the end is another incident.
    comes_back: bool = False
    # The source takes back that the incident was resolved.
    reopened: bool = False
    # The source reports the end only, so the gate waits until it knows of the beginning.
    is_end: bool = False
    # The services whose incidents the sender may change; None is all.
    within: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class DeploymentReport:
    """Another system deployed something.

    What it does not say is None or empty; a code host, for example, does not know the service.

    `environment` may be any of the catalogue's names for it. `source` is the system that reports
    (`github`, `cdevents` …), and `url` is where a person finds the deployment there. `result` is
    None if the deployment has only begun, or if its end is unknown.
    """

    service: str
    environment: str
    commit: str | None
    result: Result | None
    at: datetime
    source: str
    url: str = ""
    digests: tuple[str, ...] = field(default=())
    # Where the commit came from, if a code host says so.
    repository: Repository | None = None
    # It was a rollback: the service runs again what it ran before.
    went_back: bool = False


def write(report: IncidentReport | DeploymentReport) -> bytes:
    """Return the report as JSON, which waits in the database to be worked on."""
    return orjson.dumps(report)


def read_incident(content: bytes) -> IncidentReport:
    """Return the incident report that `write` wrote."""
    raw = orjson.loads(content)
    for name in ("began_at", "resolved_at", "reported_at"):
        raw[name] = raw[name] and datetime.fromisoformat(raw[name])
    raw["changes"] = tuple(raw["changes"])
    if raw.get("within") is not None:
        raw["within"] = tuple(raw["within"])
    return IncidentReport(**raw)


def read_deployment(content: bytes) -> DeploymentReport:
    """Return the deployment report that `write` wrote."""
    raw = orjson.loads(content)
    raw["at"] = datetime.fromisoformat(raw["at"])
    raw["result"] = raw["result"] and Result(raw["result"])
    raw["digests"] = tuple(raw["digests"])
    raw["repository"] = raw["repository"] and Repository(**raw["repository"])
    return DeploymentReport(**raw)
