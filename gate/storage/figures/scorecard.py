"""The changes and incidents from which the scorecard of a place is made, so that every figure links
to its changes.

Sums are read from rollups, and only the newest changes are read one by one.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, or_, select, text

from gate.core.change import State
from gate.storage.database.values import every
from gate.storage.figures.places import PlaceInTime
from gate.storage.tables.schema import ADMITTED, REVIEWED, changes
from gate.storage.tables.schema_delivery import delivery_days, outcomes
from gate.storage.tables.schema_incidents import ACTIVE, incident_links, incidents

LOOKED_AT_MAX = 500
"""The most changes of a place and time that are read one by one, newest first."""

WAITING_MAX = 200
INCIDENTS_MAX = 200
_C, _O, _I = changes.c, outcomes.c, incidents.c


class DeployedChange(NamedTuple):
    """One admitted change. Figures that are not counted yet are None."""

    id: str
    submitted_at: datetime
    settled_at: datetime | None
    failed: int | None
    reworked: int | None
    lead_seconds: int | None
    recovery_seconds: int | None


class ReviewedChange(NamedTuple):
    """One change that people were asked to review."""

    id: str
    state: State
    submitted_at: datetime
    settled_at: datetime | None


def places(conn: Connection, since_day: int, limit: int) -> list[tuple[str, str]]:
    """Return the places with deployments since that day, those with most deployments first."""
    table = delivery_days.c
    query = (
        select(table.service, table.environment)
        .where(table.day >= since_day)
        .group_by(table.service, table.environment)
        .order_by(func.sum(table.deployments).desc(), table.service, table.environment)
    )
    return [(row.service, row.environment) for row in conn.execute(query.limit(limit))]


def deployed(conn: Connection, here: PlaceInTime) -> Sequence[DeployedChange]:
    """Return the newest changes that were admitted in the time, newest first."""
    query = (
        select(
            *(_C.id, _C.submitted_at, _C.settled_at),
            *(_O.failed, _O.reworked, _O.lead_seconds, _O.recovery_seconds),
        )
        .outerjoin(outcomes, _O.change_id == _C.id)
        .where(
            _C.service == here.service,
            _C.environment == here.environment,
            text(ADMITTED),
            _C.admitted_at >= here.begins,
            _C.admitted_at < here.ends,
        )
        .order_by(_C.admitted_at.desc(), _C.id.desc())
        .limit(LOOKED_AT_MAX)
    )
    return every(conn, DeployedChange, query)


def reviewed(conn: Connection, here: PlaceInTime) -> Sequence[ReviewedChange]:
    """Return the newest changes of the time that people were asked to review, newest first."""
    query = (
        select(_C.id, _C.state, _C.submitted_at, _C.settled_at)
        .where(
            _C.service == here.service,
            _C.environment == here.environment,
            _C.submitted_at >= here.begins,
            _C.submitted_at < here.ends,
            text(REVIEWED),
        )
        .order_by(_C.submitted_at.desc(), _C.id.desc())
        .limit(LOOKED_AT_MAX)
    )
    return every(conn, ReviewedChange, query)


def waiting(conn: Connection, service: str, environment: str) -> list[tuple[str, datetime]]:
    """Return the changes that wait in a place now, with the times of their submission, oldest
    first.
    """
    query = (
        select(_C.id, _C.submitted_at)
        .where(
            text("state = 'pending'"),
            _C.service == service,
            _C.environment == environment,
        )
        .order_by(_C.submitted_at, _C.id)
        .limit(WAITING_MAX)
    )
    return [(row.id, row.submitted_at) for row in conn.execute(query)]


def incidents_of(conn: Connection, here: PlaceInTime) -> dict[str, tuple[str, ...]]:
    """Return the incidents that began in the time, each with the changes to which it is tied."""
    query = (
        select(_I.id)
        .where(
            _I.service == here.service,
            or_(_I.environment == here.environment, _I.environment.is_(None)),
            _I.began_at >= here.begins,
            _I.began_at < here.ends,
        )
        .order_by(_I.began_at.desc(), _I.id.desc())
        .limit(INCIDENTS_MAX)
    )
    found: dict[str, tuple[str, ...]] = dict.fromkeys(conn.execute(query).scalars(), ())
    links = incident_links.c
    tied = select(links.incident_id, links.change_id).where(
        links.incident_id.in_(tuple(found)), text(ACTIVE)
    )
    for incident, change in conn.execute(tied.order_by(links.at, links.id)):
        found[incident] = (*found[incident], change)
    return found
