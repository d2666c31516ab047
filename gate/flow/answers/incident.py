"""The answer about an incident, with the changes to which it is tied."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

from pydantic import Field
from sqlalchemy import Connection

from gate.core.catalogue.catalogue import Catalogue
from gate.core.decision.places import unknown_names
from gate.core.incident import Method
from gate.flow.answers.parts import Unknown
from gate.storage.incidents import links
from gate.storage.incidents.incidents import Incident
from gate.storage.incidents.links import IncidentLink
from gate.storage.texts import read_texts


@dataclass(frozen=True)
class ConfirmedAnswer:
    """The person who confirmed a link, and the time."""

    by: str
    at: datetime


@dataclass(frozen=True)
class LinkAnswer:
    """One change to which the incident is tied."""

    id: str
    change: str
    method: Method
    at: datetime
    by: str
    reason: str | None
    confirmed: ConfirmedAnswer | None
    counts_at: Annotated[
        datetime, Field(description="from then on it may suspend a standard change")
    ]


@dataclass(frozen=True)
class IncidentAnswer:
    """An incident. A null `title` was erased."""

    id: str
    source: str
    title: str | None
    service: str
    environment: str | None
    severity: str
    url: str | None
    began_at: datetime
    resolved_at: datetime | None
    created_at: datetime
    created_by: str
    links: tuple[LinkAnswer, ...]
    unknown: Unknown


def incident_answers(conn: Connection, found: Sequence[Incident]) -> tuple[IncidentAnswer, ...]:
    """Return the incidents in the order given. An erased text is null.

    `unknown` is still empty; `with_unknown` fills it in.
    """
    tied = links.of_incidents(conn, [incident.id for incident in found])
    texts = [*(incident.title for incident in found), *(one.reason for one in tied)]
    said = read_texts(conn, texts)
    return tuple(
        IncidentAnswer(
            id=incident.id,
            source=incident.source,
            title=said.get(incident.title),
            service=incident.service,
            environment=incident.environment,
            severity=incident.severity,
            url=incident.url or None,
            began_at=incident.began_at,
            resolved_at=incident.resolved_at,
            created_at=incident.created_at,
            created_by=incident.created_by,
            links=tuple(
                _link(one, said.get(one.reason)) for one in tied if one.incident == incident.id
            ),
            unknown=(),
        )
        for incident in found
    )


def with_unknown(catalogue: Catalogue, answer: IncidentAnswer) -> IncidentAnswer:
    """Return the answer with the names of its place that the catalogue lacks.

    The caller should see a misspelt service, because an incident of that service is tied to no
    change. Names are compared outside of any transaction, because that takes milliseconds.
    """
    unknown = unknown_names(catalogue, answer.service, answer.environment)
    return replace(answer, unknown=unknown)


def _link(one: IncidentLink, reason: str | None) -> LinkAnswer:
    confirmed = None
    if one.confirmed_at is not None:
        confirmed = ConfirmedAnswer(one.confirmed_by or "", one.confirmed_at)
    return LinkAnswer(
        id=one.id,
        change=one.change,
        method=one.method,
        at=one.at,
        by=one.by,
        reason=reason,
        confirmed=confirmed,
        counts_at=one.counts_at,
    )
