"""An incident as people and programs see it: with what it is tied to, and how."""

from collections.abc import Sequence

from sqlalchemy import Connection

from gate.core.catalogue.catalogue import Catalogue
from gate.core.decision.places import unknown_names
from gate.flow.answers.wire import instant
from gate.flow.asks import Wire
from gate.storage.incidents import links
from gate.storage.incidents.incidents import Incident
from gate.storage.incidents.links import Link
from gate.storage.texts import read_texts


def incident_views(conn: Connection, found: Sequence[Incident]) -> list[Wire]:
    """In the order in which they were found. An erased text is shown as null."""
    tied = links.of_incidents(conn, [incident.id for incident in found])
    said = read_texts(
        conn, [*(incident.title for incident in found), *(one.reason for one in tied)]
    )
    return [
        {
            "id": incident.id,
            "source": incident.source,
            "title": said.get(incident.title),
            "service": incident.service,
            "environment": incident.environment,
            "severity": incident.severity,
            "url": incident.url or None,
            "began_at": instant(incident.began_at),
            "resolved_at": instant(incident.resolved_at),
            "created_at": instant(incident.created_at),
            "created_by": incident.created_by,
            "links": [
                _link_view(one, said.get(one.reason)) for one in tied if one.incident == incident.id
            ],
        }
        for incident in found
    ]


def with_unknown(catalogue: Catalogue, view: Wire) -> Wire:
    """The same view, and what of its place the catalogue lacks.

    A service that somebody misspelt is tied to nothing, and of a hook nobody reads the answer.
    Names are compared outside of any transaction, because that takes milliseconds.
    """
    return {**view, "unknown": unknown_names(catalogue, view["service"], view["environment"])}


def _link_view(one: Link, reason: str | None) -> Wire:
    return {
        "id": one.id,
        "change": one.change,
        "method": one.method,
        "at": instant(one.at),
        "by": one.by,
        "reason": reason,
        "confirmed": one.confirmed_at and {"by": one.confirmed_by, "at": instant(one.confirmed_at)},
        "counts_at": instant(one.counts_at),
    }
