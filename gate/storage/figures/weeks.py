"""What happened in one week: deployments, failures, what was said of them, and how the place became
well again. The cost follows the week, not the years before it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, literal_column, select, text

from gate.core.change import Result
from gate.core.days import days_touched
from gate.storage.database.values import every, first
from gate.storage.tables.columns import Instant
from gate.storage.tables.schema import ADMITTED, ENDED, SUCCEEDED, changes, closures
from gate.storage.tables.schema_delivery import delivery_totals
from gate.storage.tables.schema_incidents import ACTIVE, incident_links, incidents

_C, _L, _I, _R = changes.c, incident_links.c, incidents.c, closures.c


class FailedChange(NamedTuple):
    """A change that failed in the time."""

    id: str
    service: str
    environment: str
    admitted_at: datetime
    failed_at: datetime
    result: Result | None


class Cause(NamedTuple):
    """An incident to which a failed change is tied. `title` is the id of a text."""

    change: str
    id: str
    title: str
    began_at: datetime
    resolved_at: datetime | None


class Success(NamedTuple):
    """The first deployment of the place that succeeded after a failure."""

    change: str
    ended_at: datetime
    direction: str


def failed(
    conn: Connection, begins: datetime, ends: datetime, limit: int
) -> Sequence[FailedChange]:
    """Return the changes that failed in the time, oldest first."""
    query = (
        select(_C.id, _C.service, _C.environment, _C.admitted_at, _C.failed_at, _C.result)
        .where(text("failed"), _C.failed_at >= begins, _C.failed_at < ends)
        .order_by(_C.failed_at, _C.id)
    )
    return every(conn, FailedChange, query.limit(limit))


def count_failed(conn: Connection, begins: datetime, ends: datetime) -> int:
    """Return how many changes failed in the time."""
    query = select(func.count()).where(text("failed"), _C.failed_at >= begins, _C.failed_at < ends)
    return int(conn.execute(query.select_from(changes)).scalar_one())


def count_deployments(conn: Connection, begins: datetime, ends: datetime) -> int:
    """Return how many changes were admitted in the time.

    The sums of the days that it touches name the places, and each of them is counted from an index;
    what was admitted and has not ended is in no sum yet, so a place that has nothing else is left
    out.
    """
    days = days_touched(begins, ends)
    totals = delivery_totals.c
    here = (
        select(totals.service, totals.environment)
        .where(totals.day >= days.begins, totals.day < days.ends)
        .distinct()
        .subquery()
    )
    query = (
        select(func.count())
        .select_from(here)
        .join(
            changes,
            (_C.service == here.c.service) & (_C.environment == here.c.environment),
        )
        .where(text(ADMITTED), _C.admitted_at >= begins, _C.admitted_at < ends)
    )
    return int(conn.execute(query).scalar_one())


def causes(conn: Connection, failures: Sequence[str], limit: int) -> Sequence[Cause]:
    """Return the incidents to which these changes are tied, the first one tied in front."""
    if not failures:
        return ()
    query = (
        select(_L.change_id, _I.id, _I.title, _I.began_at, _I.resolved_at)
        .join(incidents, _I.id == _L.incident_id)
        .where(_L.change_id.in_(list(failures)), text(ACTIVE))
        .order_by(_L.at, _L.id)
    )
    return every(conn, Cause, query.limit(limit))


def notes(conn: Connection, failures: Sequence[str]) -> dict[str, str]:
    """Return what the last report of each change's end says, as the id of a text."""
    query = (
        select(_R.change_id, _R.notes)
        .where(_R.change_id.in_(list(failures)), _R.matched)
        .order_by(_R.number)
    )
    return {change: said for change, said in conn.execute(query) if said} if failures else {}


def next_success(conn: Connection, failure: FailedChange) -> Success | None:
    """Return the first success of the place that ended after the failure, or None."""
    ended = literal_column(f"({ENDED})", Instant())
    query = (
        select(_C.id, ended, _C.direction)
        .where(
            _C.service == failure.service,
            _C.environment == failure.environment,
            text(SUCCEEDED),
            ended >= failure.failed_at,
            _C.admitted_at > failure.admitted_at,
            _C.failed.is_(False),
        )
        .order_by(ended, _C.id)
        .limit(1)
    )
    return first(conn, Success, query)
