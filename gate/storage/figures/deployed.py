"""Changes that were deployed and have ended, each with the record of its decision and whether it
failed.

The points of a policy are fitted to these changes, and other policies are tried on them.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, select

from gate.storage.database.values import each
from gate.storage.tables.schema import changes, decisions

BATCH = 500


class Deployed(NamedTuple):
    """One deployed change: its place, times, record in force, whether it failed, and when that
    became known.
    """

    service: str
    environment: str
    submitted_at: datetime
    admitted_at: datetime
    record: bytes
    failed: bool
    failed_at: datetime | None


def newest_deployed(conn: Connection, policy: str, limit: int) -> Iterator[Deployed]:
    """Yield the newest changes that the policy of this name decided, newest first."""
    query = _DEPLOYED.where(changes.c.policy == policy)
    newest = query.order_by(changes.c.admitted_at.desc(), changes.c.id.desc())
    return each(conn, Deployed, newest.limit(limit))


def deployed_between(
    conn: Connection, begins: datetime, ends: datetime, limit: int
) -> Iterator[Deployed]:
    """Yield the newest changes that were submitted in this time, newest first."""
    asked = changes.c.submitted_at
    query = _DEPLOYED.where(asked >= begins, asked < ends)
    newest = query.order_by(asked.desc(), changes.c.id.desc())
    return each(conn, Deployed, newest.limit(limit))


_DEPLOYED = (
    select(
        changes.c.service,
        changes.c.environment,
        changes.c.submitted_at,
        changes.c.admitted_at,
        decisions.c.record,
        changes.c.failed,
        changes.c.failed_at,
    )
    .join(
        decisions,
        and_(decisions.c.change_id == changes.c.id, decisions.c.number == changes.c.decision),
    )
    .where(changes.c.admitted_at.is_not(None), changes.c.closed_at.is_not(None))
    .execution_options(yield_per=BATCH)
)
