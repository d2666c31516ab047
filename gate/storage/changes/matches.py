"""The admitted changes that matched a standard change in a place, and its suspension there."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, or_, select, text, update

from gate.core.change import FAILED_RESULTS
from gate.core.decision.standard import MATCHES_MAX
from gate.core.history import Match, Suspension
from gate.storage.database.tx import Tx
from gate.storage.database.upsert import insert_new
from gate.storage.database.values import every
from gate.storage.tables.schema import changes, standard_changes, standard_matches
from gate.storage.tables.schema_incidents import ACTIVE, incident_links

_S = standard_changes.c


def add(tx: Tx, change: str, service: str, environment: str, matched: tuple[str, ...]) -> None:
    """Keep which standard changes an admitted change matched."""
    place = {"service": service, "environment": environment}
    for name in sorted(set(matched)):
        row = {**place, "standard_change": name, "change_id": change, "admitted_at": tx.now}
        insert_new(tx, standard_matches, row)


def newest(
    conn: Connection, service: str, environment: str, standard_change: str, *, at: datetime
) -> tuple[Match, ...]:
    """Return the matches by which a standard change is judged, newest first.

    Those that count neither way are among them. A change that is failed only because of a link to
    an incident has not failed here before that link counts.
    """
    here = standard_matches.c
    link = incident_links.c
    tied = (
        select(link.id)
        .where(link.change_id == changes.c.id, text(ACTIVE), link.counts_at <= at)
        .exists()
    )
    # While it is deploying there is no result, and SQL would answer neither yes nor no.
    reported = func.coalesce(changes.c.result.in_(FAILED_RESULTS), False)
    columns = (
        func.coalesce(changes.c.same_commit, False),
        changes.c.result,
        changes.c.closed_at,
        or_(reported, tied),
        changes.c.failed_at,
    )
    query = (
        select(here.change_id, here.admitted_at, *columns)
        .join(changes, changes.c.id == here.change_id)
        .where(
            here.service == service,
            here.environment == environment,
            here.standard_change == standard_change,
        )
        .order_by(here.admitted_at.desc(), here.change_id.desc())
        .limit(MATCHES_MAX)
    )
    return every(conn, Match, query)


def suspension(
    conn: Connection, service: str, environment: str, standard_change: str
) -> Suspension:
    """Return the suspension of a standard change in this place; an empty one if it has none."""
    query = select(_S.because, _S.suspended_at, _S.reinstated_at)
    row = conn.execute(query.where(*_at(service, environment, standard_change))).first()
    if row is None:
        return Suspension()
    return Suspension(row.because if row.suspended_at is not None else None, row.reinstated_at)


def suspend(tx: Tx, service: str, environment: str, standard_change: str, because: str) -> bool:
    """Suspend a standard change here until a person lifts that. False: it is suspended already."""
    place = {"service": service, "environment": environment, "standard_change": standard_change}
    insert_new(tx, standard_changes, {**place, "because": ""})
    free = update(standard_changes).where(
        *_at(service, environment, standard_change), _S.suspended_at.is_(None)
    )
    return tx.conn.execute(free.values(suspended_at=tx.now, because=because)).rowcount == 1


def reinstate(tx: Tx, service: str, environment: str, standard_change: str) -> bool:
    """Lift what suspended it; failures before this no longer count. False if nothing did."""
    suspended = update(standard_changes).where(
        *_at(service, environment, standard_change), _S.suspended_at.is_not(None)
    )
    lifted = {"suspended_at": None, "because": "", "reinstated_at": tx.now}
    return tx.conn.execute(suspended.values(lifted)).rowcount == 1


def _at(service: str, environment: str, standard_change: str) -> tuple[ColumnElement[bool], ...]:
    return (
        _S.service == service,
        _S.environment == environment,
        _S.standard_change == standard_change,
    )
