"""What each revision of the policies decided, which standard changes failed, and when sources were
last heard.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Integer, case, func, select, type_coerce

from gate.core.decision.values import Outcome
from gate.storage.audit.within import Within
from gate.storage.database.values import each
from gate.storage.tables.columns import Instant
from gate.storage.tables.schema import changes, decisions
from gate.storage.tables.schema_hooks import sources_heard

_C, _D, _H = changes.c, decisions.c, sources_heard.c


class ByRevision(NamedTuple):
    """The decisions of one policy of one revision in a time."""

    revision: str
    policy: str | None
    decisions: int
    approved: int
    pending: int
    rejected: int
    first_at: datetime
    last_at: datetime


class StandardFailure(NamedTuple):
    """A change that passed as a standard change and failed."""

    failed_at: datetime
    change: str
    standard_change: str
    service: str
    environment: str
    commit: str
    result: str | None


class Heard(NamedTuple):
    """The last time at which a place or another system sent something."""

    what: str
    name: str
    last_at: datetime | None


class SourceHeard(NamedTuple):
    """A system that sends reports, identified by its token or signature."""

    source: str
    caller: str
    first_at: datetime
    last_at: datetime


def by_revision(conn: Connection, within: Within) -> Iterator[ByRevision]:
    """Yield one row for each policy of each revision."""
    outcomes = [_count(_D.outcome == one) for one in Outcome]
    query = (
        select(_D.revision, _D.policy, func.count(), *outcomes)
        .add_columns(_instant(func.min(_D.at)), _instant(func.max(_D.at)))
        .where(*within.at(_D.at), *within.here(_D.service, _D.environment))
        .group_by(_D.revision, _D.policy)
    )
    return each(conn, ByRevision, query)


def standard_failures(conn: Connection, within: Within) -> Iterator[StandardFailure]:
    """Yield failed standard changes whose failure became known in this time."""
    columns = (_C.failed_at, _C.id, _C.standard_change, _C.service, _C.environment, _C.commit_sha)
    query = select(*columns, _C.result).where(
        _C.failed, _C.standard_change.is_not(None), *within.at(_C.failed_at), *within.place()
    )
    return each(conn, StandardFailure, query)


def heard(conn: Connection) -> Iterator[Heard]:
    """Yield every place that ever submitted a change, and every system that ever sent a report."""
    places = select(_D.service, _D.environment, _instant(func.max(_D.at))).group_by(
        _D.service, _D.environment
    )
    for service, environment, at in conn.execute(places):
        yield Heard("place", f"{service} {environment}", at)
    sources = select(_H.source, _instant(func.max(_H.last_at))).group_by(_H.source)
    for source, at in conn.execute(sources):
        yield Heard("source", source, at)


def heard_before(conn: Connection, before: datetime) -> Iterator[SourceHeard]:
    """Yield every system that sent something before and nothing since this instant."""
    query = select(_H.source, _H.caller, _H.first_at, _H.last_at).where(_H.last_at < before)
    return each(conn, SourceHeard, query.order_by(_H.last_at, _H.source, _H.caller))


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0), type_=Integer), 0)


def _instant(value: Any) -> ColumnElement[datetime]:
    return type_coerce(value, Instant)
