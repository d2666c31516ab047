"""What nobody has mended yet: incidents without a change, failures without a review, reviews that
are late, changes that wait.

Each question reads a bounded time, or a partial index that holds only what is open, so that none
costs more with the years.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, exists, func, or_, select, text, union_all

from gate.core.change import Result
from gate.storage.database.values import every
from gate.storage.tables.schema import UNHELD, changes, post_reviews
from gate.storage.tables.schema_incidents import ACTIVE, incident_links, incidents
from gate.storage.tables.schema_learning import WHOLE, improvements, waits

LATE_LOOKED_BACK = timedelta(days=90)
"""So long before an instant a review may have been due that was still open then, and held later."""

WAITED_ON_MAX = timedelta(days=14)
"""So long after an instant a change may have been decided that waited then."""

_C, _I, _L = changes.c, incidents.c, incident_links.c
_P, _M, _W = post_reviews.c, improvements.c, waits.c


class UnlinkedIncident(NamedTuple):
    """An incident that is tied to no change. `title` is the id of a text."""

    id: str
    title: str
    service: str
    environment: str | None
    severity: str
    began_at: datetime


class Unreviewed(NamedTuple):
    """A failed change of which nobody has held a review."""

    id: str
    service: str
    environment: str
    failed_at: datetime
    result: Result | None


class LateReview(NamedTuple):
    """The review of a change that was due and not held."""

    change: str
    service: str
    environment: str
    owners: tuple[str, ...]
    due_at: datetime


class Waiting(NamedTuple):
    """A change that waits for people."""

    id: str
    service: str
    environment: str
    submitted_at: datetime


class LateImprovement(NamedTuple):
    """An open item whose due date has passed. `experiment` is the id of a text."""

    id: str
    service: str
    environment: str
    owner: str
    experiment: str
    due_at: datetime


def unlinked(conn: Connection, since: datetime, limit: int) -> Sequence[UnlinkedIncident]:
    """Return the incidents that began since then and that no link ties to a change, oldest
    first.
    """
    tied = exists().where(_L.incident_id == _I.id, text(ACTIVE))
    query = (
        select(_I.id, _I.title, _I.service, _I.environment, _I.severity, _I.began_at)
        .where(_I.began_at >= since, ~tied)
        .order_by(_I.began_at, _I.id)
    )
    return every(conn, UnlinkedIncident, query.limit(limit))


def unreviewed(conn: Connection, since: datetime, limit: int) -> Sequence[Unreviewed]:
    """Return the changes that failed since then and whose review nobody has held, oldest first."""
    held = exists().where(_P.change_id == _C.id, _P.done_at.is_not(None))
    query = (
        select(_C.id, _C.service, _C.environment, _C.failed_at, _C.result)
        .where(text("failed"), _C.failed_at >= since, ~held)
        .order_by(_C.failed_at, _C.id)
    )
    return every(conn, Unreviewed, query.limit(limit))


def late_reviews(conn: Connection, at: datetime, limit: int) -> Sequence[LateReview]:
    """Return the reviews that were due at this instant and not held by then, those that were due
    first in front.
    """
    columns = (_P.change_id, _C.service, _C.environment, _P.owners, _P.due_at)
    due = select(*columns).join(changes, _C.id == _P.change_id)
    still = due.where(text(UNHELD), _P.due_at <= at)
    by_now = due.where(_P.due_at <= at, _P.due_at > at - LATE_LOOKED_BACK, _P.done_at > at)
    found = [
        *every(conn, LateReview, still.order_by(_P.due_at, _P.change_id).limit(limit)),
        *every(conn, LateReview, by_now.order_by(_P.due_at, _P.change_id).limit(limit)),
    ]
    return sorted(found, key=lambda one: (one.due_at, one.change))[:limit]


def waiting(conn: Connection, at: datetime, since: datetime, limit: int) -> Sequence[Waiting]:
    """Return the changes that were submitted before `since` and waited at the instant `at`, oldest
    first.
    """
    columns = (_C.id, _C.service, _C.environment, _C.submitted_at)
    still = select(*columns).where(
        text("state = 'pending'"),
        _C.submitted_at <= since,
        or_(_C.expires_at.is_(None), _C.expires_at > at),
    )
    by_now = (
        select(*columns)
        .join(waits, _W.change_id == _C.id)
        .where(
            text(WHOLE),
            _W.ended_at > at,
            _W.ended_at <= at + WAITED_ON_MAX,
            _C.submitted_at <= since,
        )
        .distinct()
    )
    both = union_all(still, by_now).subquery().c
    query = select(*both).distinct().order_by(both.submitted_at, both.id)
    return every(conn, Waiting, query.limit(limit))


def late_improvements(conn: Connection, at: datetime, limit: int) -> Sequence[LateImprovement]:
    """Return the items that were due at this instant and not closed by then, the longest due
    first.
    """
    query = (
        select(_M.id, _M.service, _M.environment, _M.owner, _M.experiment, _M.due_at)
        .where(
            _M.created_at <= at,
            _M.due_at <= at,
            or_(_M.closed_at.is_(None), _M.closed_at > at),
        )
        .order_by(_M.due_at, _M.id)
    )
    return every(conn, LateImprovement, query.limit(limit))


def first_failed_at(conn: Connection, wanted: Sequence[str]) -> datetime | None:
    """Return when the first of these changes failed, or None if none of them did."""
    query = select(func.min(_C.failed_at)).where(_C.id.in_(list(wanted)))
    found: datetime | None = conn.execute(query).scalar()
    return found
