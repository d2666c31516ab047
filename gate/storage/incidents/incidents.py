"""Incidents: each is kept once, as its source last described it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, text, update

from gate.core.incident import CLOCK_SLACK, SUSPECTS_MAX, Suspect
from gate.storage.database.pages import Page, Part, page
from gate.storage.database.tx import Tx
from gate.storage.database.values import every, first, reader, values_of
from gate.storage.tables.schema import ADMITTED, changes
from gate.storage.tables.schema_incidents import ACTIVE, incident_links, incidents

OPEN_MAX = 50
"""The most open incidents of a service that are looked at."""

SERIES_MAX = 50
"""The most incidents of a source with the same name that are looked at."""

_SERIES = 1
"""The subject of the locks of this file, as `Tx.lock` takes it; `storage.changes.moves` has 0."""

KEYS = (incidents.c.began_at, incidents.c.id)
_I = incidents.c


@dataclass(frozen=True, slots=True)
class Incident:
    """One thing that broke.

    `title` is the id of a text; `series` is what its source names it by.
    """

    id: str
    source: str
    series: str
    title: str
    service: str
    environment: str | None
    severity: str
    url: str
    began_at: datetime
    resolved_at: datetime | None
    reported_at: datetime
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class IncidentFilters:
    """The filters of incidents. None is any."""

    service: str | None = None
    environment: str | None = None
    open: bool | None = None
    # Only incidents that are tied to this change.
    change: str | None = None


def lock_series(tx: Tx, source: str, series: str) -> None:
    """Lock the name that a source gave an incident, until the transaction ends.

    Of two reports at once the second then finds the incident of the first, and makes no other.
    """
    tx.lock(_SERIES, source, series)


def add(tx: Tx, incident: Incident) -> None:
    """Add a new incident."""
    tx.conn.execute(insert(incidents).values(values_of(incident)))


def record_report(
    tx: Tx, incident: str, *, resolved_at: datetime | None, severity: str, reported_at: datetime
) -> None:
    """Update an incident to what its source reports now."""
    values = {
        "resolved_at": resolved_at,
        "severity": severity,
        "reported_at": reported_at,
    }
    tx.conn.execute(update(incidents).where(_I.id == incident).values(values))


def read(conn: Connection, incident: str) -> Incident | None:
    """Return the incident of that id, or None."""
    return first(conn, Incident, select(incidents).where(_I.id == incident))


def newest_of_series(conn: Connection, source: str, series: str) -> Incident | None:
    """Return the newest incident that the source reported under this name."""
    query = (
        select(incidents)
        .where(_I.source == source, _I.series == series)
        .order_by(_I.began_at.desc(), _I.id.desc())
        .limit(1)
    )
    return first(conn, Incident, query)


def of_series(
    conn: Connection, source: str, series: str, *, within: Collection[str] | None
) -> list[Incident]:
    """Return every incident of these services that the source reported under this name, newest
    first; of all services with None.

    There are several if it moved from one place to another, or came back after its end.
    """
    newest = (_I.began_at.desc(), _I.created_at.desc(), _I.id.desc())
    query = select(incidents).where(_I.source == source, _I.series == series)
    if within is not None:
        query = query.where(_I.service.in_(within))
    return list(every(conn, Incident, query.order_by(*newest).limit(SERIES_MAX)))


def open_of_service(conn: Connection, service: str) -> list[Incident]:
    """Return the open incidents of a service, newest first."""
    query = (
        select(incidents)
        .where(_I.service == service, text("resolved_at IS NULL"))
        .order_by(_I.began_at.desc(), _I.id.desc())
    )
    return list(every(conn, Incident, query.limit(OPEN_MAX)))


def incident_page(conn: Connection, filters: IncidentFilters, part: Part) -> Page[Incident]:
    """Return one page of incidents by (`began_at`, `id`), newest first."""
    found = select(incidents)
    if filters.service is not None:
        found = found.where(_I.service == filters.service)
    if filters.environment is not None:
        found = found.where(_I.environment == filters.environment)
    if filters.open is not None:
        found = found.where(
            _I.resolved_at.is_(None) if filters.open else _I.resolved_at.is_not(None)
        )
    if filters.change is not None:
        tied = select(incident_links.c.incident_id).where(
            incident_links.c.change_id == filters.change, text(ACTIVE)
        )
        found = found.where(_I.id.in_(tied))
    return page(conn, [found], KEYS, part, reader(Incident))


def suspects(
    conn: Connection, service: str, environments: Sequence[str], began_at: datetime
) -> list[Suspect]:
    """Return the last changes of the service that were admitted there before an incident began."""
    found: list[Suspect] = []
    column = changes.c
    for environment in environments:
        here = (column.service == service, column.environment == environment, text(ADMITTED))
        query = select(column.id, column.admitted_at, column.closed_at, column.result).where(
            *here, column.admitted_at <= began_at + CLOCK_SLACK
        )
        newest = query.order_by(column.admitted_at.desc(), column.id.desc()).limit(SUSPECTS_MAX)
        found += every(conn, Suspect, newest)
    return found
