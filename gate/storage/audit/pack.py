"""The evidence about one change, beside its decisions."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select, text

from gate.core.change import Result
from gate.core.incident import Method
from gate.storage.tables.schema import closures, ledger_entries
from gate.storage.tables.schema_incidents import ACTIVE, incident_links, incidents

_E, _I, _L, _C = ledger_entries.c, incidents.c, incident_links.c, closures.c


class Tied(NamedTuple):
    """An incident that is tied to the change."""

    incident: str
    service: str
    environment: str | None
    severity: str
    began_at: datetime
    resolved_at: datetime | None
    method: Method
    linked_at: datetime
    linked_by: str


class Ended(NamedTuple):
    """A report of the deployment's end."""

    number: int
    at: datetime
    caller: str
    result: Result
    started_at: datetime | None
    finished_at: datetime | None
    matched: bool


def entries_of(conn: Connection, change: str, limit: int) -> list[tuple[int | None, bytes]]:
    """Return index and bytes of the entries about a change, oldest first. The index is None while
    an entry is not sealed.
    """
    query = select(_E.index, _E.body).where(_E.change_id == change).order_by(_E.id).limit(limit)
    return [(place, bytes(body)) for place, body in conn.execute(query)]


def incidents_of(conn: Connection, change: str) -> list[dict[str, object]]:
    """Return the incidents that are tied to the change now."""
    columns = (_I.id, _I.service, _I.environment, _I.severity, _I.began_at, _I.resolved_at)
    query = (
        select(*columns, _L.method, _L.at, _L.by)
        .join(incident_links, _L.incident_id == _I.id)
        .where(_L.change_id == change, text(ACTIVE))
        .order_by(_L.at)
    )
    return [Tied(*row)._asdict() for row in conn.execute(query)]


def closures_of(conn: Connection, change: str) -> list[dict[str, object]]:
    """Return every report of the deployment's end, oldest first."""
    columns = (_C.number, _C.at, _C.caller, _C.result, _C.started_at, _C.finished_at, _C.matched)
    query = select(*columns).where(_C.change_id == change).order_by(_C.number)
    return [Ended(*row)._asdict() for row in conn.execute(query)]
