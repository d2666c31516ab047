"""Counts messages that wait to be delivered, and reports that wait to be worked on."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select, text

from gate.storage.tables.schema_hooks import GIVEN_UP, deliveries
from gate.storage.tables.schema_work import outbox

TARGETS_MAX = 200


class Waiting(NamedTuple):
    """One receiver of messages, or one source of deliveries."""

    name: str
    waiting: int
    dead: int
    oldest_at: datetime | None
    error: str | None


def messages(conn: Connection) -> tuple[Waiting, ...]:
    """Return for each receiver the numbers of messages that wait and that were given up."""
    column = outbox.c
    open_ = column.delivered_at.is_(None)
    query = select(
        column.target,
        func.count().filter(open_, column.dead_at.is_(None)),
        func.count().filter(column.dead_at.is_not(None)),
        func.min(column.at).filter(open_, column.dead_at.is_(None)),
        func.max(column.error).filter(open_),
    )
    rows = conn.execute(query.group_by(column.target).order_by(column.target).limit(TARGETS_MAX))
    return tuple(
        Waiting(name, waiting, dead, oldest, error) for name, waiting, dead, oldest, error in rows
    )


def incoming(conn: Connection) -> tuple[Waiting, ...]:
    """Return for each source the numbers of deliveries that wait and that were given up.

    Only indexes of these are read, so the cost does not grow with what was worked on.
    """
    column = deliveries.c
    waits = select(column.source, func.count(), func.min(column.at), func.max(column.error)).where(
        column.next_at.is_not(None)
    )
    found = {
        source: Waiting(source, count, 0, oldest, error)
        for source, count, oldest, error in conn.execute(
            waits.group_by(column.source).limit(TARGETS_MAX)
        )
    }
    given_up = select(column.source, func.count(), func.max(column.error)).where(text(GIVEN_UP))
    for source, count, error in conn.execute(given_up.group_by(column.source).limit(TARGETS_MAX)):
        known = found.get(source, Waiting(source, 0, 0, None, None))
        found[source] = known._replace(dead=count, error=known.error or error)
    return tuple(found[source] for source in sorted(found))
