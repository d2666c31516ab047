"""Links between incidents and changes: the method of each, and since when it counts."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, Update, bindparam, func, insert, select, text, update

from gate.core.incident import CONFIRMED_AFTER, Method
from gate.storage.database.tx import Tx
from gate.storage.database.values import every, first
from gate.storage.tables.schema_incidents import ACTIVE, incident_links, incidents

LINKS_MAX = 50
"""The most changes to which one incident is tied, and the most incidents to which one change is
tied."""

SHOWN_MAX = 20
"""The most incidents that are shown with a change; `GET /v1/incidents?change=` lists all of
them."""

_L = incident_links.c
_FOLLOWED = ("judged_at", "removed_by", "removed_because")
"""The columns that no reader of a link needs."""


@dataclass(frozen=True, slots=True)
class IncidentLink:
    """One tie that counts or counted.

    `counts_at`: from then on it may suspend a standard change. `reason` is the id of a text.
    """

    id: str
    incident: str
    change: str
    method: Method
    at: datetime
    by: str
    reason: str
    confirmed_at: datetime | None
    confirmed_by: str | None
    counts_at: datetime
    removed_at: datetime | None


@dataclass(frozen=True, slots=True)
class TiedIncident:
    """An incident as a change names it. `title` is the id of a text."""

    change: str
    id: str
    title: str
    method: Method


@dataclass(frozen=True, slots=True)
class Tie:
    """A tie to be made: the incident, the change, the method, and who says so. `reason` is the id
    of a text, or empty.
    """

    incident: str
    change: str
    method: Method
    by: str
    reason: str = ""


def add(tx: Tx, identity: str, tie: Tie) -> IncidentLink | None:
    """Tie them. None: they are tied already."""
    waits = CONFIRMED_AFTER if tie.method is Method.WINDOW else timedelta(0)
    row = {
        "id": identity,
        "incident_id": tie.incident,
        "change_id": tie.change,
        "method": tie.method,
        "at": tx.now,
        "by": tie.by,
        "reason": tie.reason,
        "counts_at": tx.now + waits,
    }
    if active(tx.conn, tie.incident, tie.change) is not None:
        return None
    tx.conn.execute(insert(incident_links).values(row))
    return read(tx.conn, identity)


def found_better(tx: Tx, link: IncidentLink, method: Method) -> None:
    """Give a `window` link a better method, so that it counts at once."""
    tx.conn.execute(_at(link).values(method=method, counts_at=tx.now, judged_at=None))


def confirm(tx: Tx, link: IncidentLink, by: str) -> bool:
    """Record that a person confirmed a `window` link. Returns False if it was confirmed or removed
    before.
    """
    values = {
        "confirmed_at": tx.now,
        "confirmed_by": by,
        "counts_at": tx.now,
        "judged_at": None,
    }
    return tx.conn.execute(_at(link).where(_L.confirmed_at.is_(None)).values(values)).rowcount == 1


def remove(tx: Tx, link: IncidentLink, by: str, because: str) -> bool:
    """Remove a link that was wrong. Returns False if it was removed before."""
    values = {"removed_at": tx.now, "removed_by": by, "removed_because": because}
    return tx.conn.execute(_at(link).values(values)).rowcount == 1


def judged(tx: Tx, link: IncidentLink) -> None:
    """Record that the consequences of the link were judged."""
    tx.conn.execute(_at(link).values(judged_at=tx.now))


def read(conn: Connection, identity: str) -> IncidentLink | None:
    """Return the link of that id, removed or not, or None."""
    return first(conn, IncidentLink, select(*_COLUMNS).where(_L.id == identity))


def active(conn: Connection, incident: str, change: str) -> IncidentLink | None:
    """Return the link between these two that counts now, or None."""
    return next((link for link in of_incidents(conn, [incident]) if link.change == change), None)


def was_removed(conn: Connection, incident: str, change: str) -> bool:
    """Return whether a person said that these two have nothing to do with each other."""
    query = (
        select(_L.id)
        .where(_L.incident_id == incident, _L.change_id == change, _L.removed_at.is_not(None))
        .limit(1)
    )
    return conn.execute(query).first() is not None


def ever(conn: Connection, incident: str) -> bool:
    """Return whether it was tied to anything at any time, a removed link included."""
    return (
        conn.execute(select(_L.id).where(_L.incident_id == incident).limit(1)).first() is not None
    )


def of_incidents(conn: Connection, incidents: Iterable[str]) -> list[IncidentLink]:
    """Return the links of these incidents that count, oldest first."""
    query = (
        select(*_COLUMNS)
        .where(_L.incident_id.in_(list(incidents)), _L.removed_at.is_(None))
        .order_by(_L.at, _L.id)
    )
    return list(every(conn, IncidentLink, query))


def of_change(conn: Connection, change: str) -> list[IncidentLink]:
    """Return the links of a change that count, oldest first."""
    query = (
        select(*_COLUMNS)
        .where(_L.change_id == change, _L.removed_at.is_(None))
        .order_by(_L.at, _L.id)
        .limit(LINKS_MAX)
    )
    return list(every(conn, IncidentLink, query))


def incidents_of_changes(conn: Connection, changes: Collection[str]) -> list[TiedIncident]:
    """Return the incidents to which these changes are tied, the last one tied first.

    For each change these are at most `SHOWN_MAX` and one more, which says that some are left out.
    """
    if not changes:
        return []
    found = conn.execute(_NEWEST_TIED, {"changes": list(changes)})
    return [TiedIncident(*row) for row in found]


def due(conn: Connection, now: datetime, limit: int) -> list[IncidentLink]:
    """Return links that count by now and whose consequences were not judged, longest first."""
    waiting = select(*_COLUMNS).where(
        _L.judged_at.is_(None), _L.removed_at.is_(None), _L.counts_at <= now
    )
    return list(every(conn, IncidentLink, waiting.order_by(_L.counts_at).limit(limit)))


def _newest_tied() -> Select[Any]:
    """Return the statement that finds the incidents of many changes."""
    newest = func.row_number().over(
        partition_by=_L.change_id, order_by=(_L.at.desc(), _L.id.desc())
    )
    ranked = (
        select(_L.change_id, _L.incident_id, _L.method, newest.label("rank"))
        .where(_L.change_id.in_(bindparam("changes", expanding=True)), text(ACTIVE))
        .subquery()
    )
    tied = ranked.c
    return (
        select(tied.change_id, tied.incident_id, incidents.c.title, tied.method)
        .join(incidents, incidents.c.id == tied.incident_id)
        .where(tied.rank <= SHOWN_MAX + 1)
        .order_by(tied.change_id, tied.rank)
    )


def _at(link: IncidentLink) -> Update:
    return update(incident_links).where(_L.id == link.id, _L.removed_at.is_(None))


_COLUMNS = tuple(column for column in _L if column.name not in _FOLLOWED)
"""The columns in the order of the fields of `IncidentLink`."""

_NEWEST_TIED = _newest_tied()
"""Made once, because making it takes as long as all else that is read of a change."""
