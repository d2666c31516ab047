"""How the changes of an observed place ended, by the outcome that an enforcing gate would have
given them.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, func, select

from gate.core.decision.values import Outcome
from gate.core.instants import to_us
from gate.storage.changes import decisions
from gate.storage.figures.places import PlaceInTime
from gate.storage.tables.schema import changes

LOOKED_AT_MAX = 200
"""The most changes that would not have been approved whose reasons are read, newest first."""


class Counted(NamedTuple):
    """The number of changes that would have had this outcome, and how many of them failed."""

    would: Outcome
    changes: int
    failed: int


def counts(conn: Connection, place: PlaceInTime) -> Sequence[Counted]:
    """Return the numbers of admitted changes by the outcome that they would have had."""
    failed = func.count().filter(changes.c.failed)
    query = select(changes.c.would, func.count(), failed).where(*_here(place))
    rows = conn.execute(query.group_by(changes.c.would))
    return [Counted(Outcome(would), int(some), int(bad)) for would, some, bad in rows]


def stopped(conn: Connection, place: PlaceInTime) -> list[bytes]:
    """Return the records of the newest changes that would not have been approved at once."""
    query = select(changes.c.id, changes.c.decision).where(
        *_here(place), changes.c.would != Outcome.APPROVED.value
    )
    newest = query.order_by(changes.c.admitted_at.desc(), changes.c.id.desc()).limit(LOOKED_AT_MAX)
    return [decisions.record(conn, row.id, row.decision) for row in conn.execute(newest)]


def _here(place: PlaceInTime) -> tuple[ColumnElement[bool], ...]:
    return (
        changes.c.service == place.service,
        changes.c.environment == place.environment,
        changes.c.would.is_not(None),
        changes.c.admitted_at >= to_us(place.begins),
        changes.c.admitted_at < to_us(place.ends),
    )
