"""Translates incoming CDEvents, versions 0.4 and 0.5: deployments of services, and incidents."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import unquote

from gate.core.change import Result
from gate.core.messages.reports import DeploymentReport, IncidentReport
from gate.errors import Invalid
from gate.integrations.cdevents.cloudevents import CloudEvent
from gate.integrations.code_host.texts import is_commit
from gate.integrations.http import foreign
from gate.integrations.http.shapes import the

SOURCE = "cdevents"
_TYPE = re.compile(r"dev\.cdevents\.(?P<what>[a-z]+\.[a-z]+)\.(?P<major>\d+)\.\d+\.\d+(?:-.*)?")
_MAJOR = "0"
_DIGEST = re.compile(
    r"(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})(?![0-9a-f])"
)
_Report: TypeAlias = IncidentReport | DeploymentReport


def read(event: CloudEvent) -> _Report | str:
    """Return the report in an event, or why nothing follows from it.

    Raises `Invalid` if a required field is missing.
    """
    found = _TYPE.fullmatch(event.type)
    reader = _READERS.get(found["what"]) if found else None
    if found is None or reader is None:
        return f"events of type {event.type} change nothing here"
    if found["major"] != _MAJOR:
        return f"events of type {event.type} are of a version that is not known here; {_MAJOR}.x is"
    data = event.data
    if the(data, "context", "type") != event.type:
        raise Invalid(
            f"/context/type: the event says {event.type} outside and "
            f"{str(the(data, 'context', 'type'))[:100]} inside"
        )
    if the(data, "context", "specversion") is None and the(data, "context", "version") is None:
        raise foreign.misshapen(
            data, ("context", "specversion"), "a version of CDEvents (up to 0.4 it is `version`)"
        )
    return reader(data, foreign.instant(data, "context", "timestamp"))


def named(event: CloudEvent) -> str:
    """Return a name that is equal for the same event when it is sent again."""
    return f"{event.source}\n{event.id}"


def _deployed(event: Any, at: datetime) -> DeploymentReport:
    return _deployment(event, at, went_back=False)


def _rolled_back(event: Any, at: datetime) -> DeploymentReport:
    return _deployment(event, at, went_back=True)


def _deployment(event: Any, at: datetime, *, went_back: bool) -> DeploymentReport:
    artifact = unquote(foreign.name(event, "subject", "content", "artifactId"))
    digest = _DIGEST.search(artifact)
    version = artifact.rpartition("@")[2].partition("?")[0]
    return DeploymentReport(
        service=foreign.name(event, "subject", "id"),
        environment=foreign.name(event, "subject", "content", "environment", "id"),
        commit=version if is_commit(version) else None,
        result=None if went_back else Result.SUCCESSFUL,
        at=at,
        source=SOURCE,
        digests=(digest.group(),) if digest else (),
        went_back=went_back,
    )


def _incident(event: Any, at: datetime) -> IncidentReport | str:
    return _incident_report(event, at, None)


def _resolved(event: Any, at: datetime) -> IncidentReport | str:
    return _incident_report(event, at, at)


def _incident_report(
    event: Any, at: datetime, resolved_at: datetime | None
) -> IncidentReport | str:
    content = "subject", "content"
    identity = foreign.name(event, "subject", "id")
    service = foreign.maybe_name(event, *content, "service", "id")
    if service is None:
        return f"incident {identity} names no service, so nothing can be put down to a change"
    source = foreign.maybe_name(event, "subject", "source") or foreign.name(
        event, "context", "source"
    )
    return IncidentReport(
        title=foreign.line(event, *content, "description") or f"Incident {identity}",
        service=service,
        severity=foreign.severity(event, "customData", "severity") or None,
        began_at=at,
        environment=foreign.name(event, *content, "environment", "id"),
        resolved_at=resolved_at,
        id=f"{source}\n{identity}",
        source=SOURCE,
        changes=foreign.changes_in(
            the(event, "customData", "change"), the(event, *content, "description")
        ),
        url=foreign.link(event, *content, "ticketURI"),
        reported_at=at,
        is_end=resolved_at is not None,
    )


_READERS: Mapping[str, Callable[[Any, datetime], _Report | str]] = {
    "service.deployed": _deployed,
    "service.upgraded": _deployed,
    "service.rolledback": _rolled_back,
    "incident.detected": _incident,
    "incident.reported": _incident,
    "incident.resolved": _resolved,
}
