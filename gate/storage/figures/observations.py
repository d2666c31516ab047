"""How the changes of an observed place ended, by the outcome that an enforcing gate would have
given them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, func, select

from gate.core.decision.values import Outcome, Route
from gate.core.instants import to_us
from gate.storage.changes import decisions
from gate.storage.tables.schema import approvals, changes

REVIEWS_MAX = 200
"""The most reviewed changes of all places from which the time that people take is computed."""

LOOKED_AT_MAX = 200
"""The most changes that would not have been approved whose reasons are read, newest first."""

_PEOPLES = (Route.REVIEW.value, Route.EMERGENCY.value)
_US = 1_000_000


class Watched(NamedTuple):
    """A place, and the time in which its changes were admitted."""

    service: str
    environment: str
    begins: datetime
    ends: datetime


class Counted(NamedTuple):
    """The number of changes that would have had this outcome, and how many of them failed."""

    would: Outcome
    changes: int
    failed: int


def counts(conn: Connection, place: Watched) -> Sequence[Counted]:
    """Return the numbers of admitted changes by the outcome that they would have had."""
    failed = func.count().filter(changes.c.failed)
    query = select(changes.c.would, func.count(), failed).where(*_here(place))
    rows = conn.execute(query.group_by(changes.c.would))
    return [Counted(Outcome(would), int(some), int(bad)) for would, some, bad in rows]


def stopped(conn: Connection, place: Watched) -> list[bytes]:
    """Return the records of the newest changes that would not have been approved at once."""
    query = select(changes.c.id, changes.c.decision).where(
        *_here(place), changes.c.would != Outcome.APPROVED.value
    )
    newest = query.order_by(changes.c.admitted_at.desc(), changes.c.id.desc()).limit(LOOKED_AT_MAX)
    found = (decisions.record(conn, row.id, row.decision) for row in conn.execute(newest))
    return [record for record in found if record is not None]


def seconds_people_take(conn: Connection) -> list[int]:
    """Return the seconds from submission to the last approval or rejection by a person, for the
    newest reviewed changes of all places.
    """
    reviewed = (
        select(changes.c.id, changes.c.submitted_at)
        .where(changes.c.route.in_(_PEOPLES))
        .order_by(changes.c.submitted_at.desc(), changes.c.id.desc())
        .limit(REVIEWS_MAX)
        .subquery()
    )
    spent = func.max(approvals.c.at) - reviewed.c.submitted_at
    query = select(spent).join(approvals, approvals.c.change_id == reviewed.c.id)
    grouped = query.group_by(reviewed.c.id, reviewed.c.submitted_at)
    return [int(one) // _US for one in conn.execute(grouped).scalars()]


def _here(place: Watched) -> tuple[ColumnElement[bool], ...]:
    return (
        changes.c.service == place.service,
        changes.c.environment == place.environment,
        changes.c.would.is_not(None),
        changes.c.admitted_at >= to_us(place.begins),
        changes.c.admitted_at < to_us(place.ends),
    )
