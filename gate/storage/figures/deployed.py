"""Every change that was deployed and has ended, with the record of its decision and whether it
failed: what the points of a policy are fitted to.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, and_, select

from gate.storage.tables.schema import changes, decisions

BATCH = 500


class Deployed(NamedTuple):
    """Where it went, the record of the decision in force, and whether it failed."""

    service: str
    environment: str
    record: bytes
    failed: bool


def newest_deployed(conn: Connection, policy: str, limit: int) -> Iterator[Deployed]:
    """The newest of the changes that the policy of this name decided, newest first."""
    in_force = and_(decisions.c.change_id == changes.c.id, decisions.c.number == changes.c.decision)
    query = (
        select(changes.c.service, changes.c.environment, decisions.c.record, changes.c.failed)
        .join(decisions, in_force)
        .where(
            changes.c.policy == policy,
            changes.c.admitted_at.is_not(None),
            changes.c.closed_at.is_not(None),
        )
        .order_by(changes.c.admitted_at.desc(), changes.c.id.desc())
        .limit(limit)
        .execution_options(yield_per=BATCH)
    )
    for row in conn.execute(query):
        yield Deployed(*row)
