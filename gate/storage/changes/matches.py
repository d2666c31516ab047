"""Which admitted changes matched a standard change here, and whether it is suspended."""

from datetime import datetime

from sqlalchemy import Connection, or_, select, text

from gate.core.change import FAILED_RESULTS, Result
from gate.core.decision.standard import MATCHES_MAX
from gate.core.history import Match, Suspension
from gate.core.instants import from_us, optional_instant, to_us
from gate.storage.database.tx import Tx
from gate.storage.tables.schema import changes, standard_changes, standard_matches
from gate.storage.tables.schema_incidents import ACTIVE, incident_links


def add(tx: Tx, change: str, service: str, environment: str, matched: tuple[str, ...]) -> None:
    """This change is admitted now, and matched these."""
    rows = [
        {
            "service": service,
            "environment": environment,
            "name": name,
            "change": change,
            "at": to_us(tx.now),
        }
        for name in sorted(set(matched))
    ]
    if rows:
        tx.conn.execute(_ADD, rows)


def newest(
    conn: Connection, service: str, environment: str, standard_change: str, *, at: datetime
) -> tuple[Match, ...]:
    """Every match that is looked back on, newest first: also those that count neither way.

    A change that failed by a link alone that does not count yet has not failed here.
    """
    here = standard_matches.c
    link = incident_links.c
    tied = (
        select(link.id)
        .where(link.change_id == changes.c.id, text(ACTIVE), link.counts_at <= to_us(at))
        .exists()
    )
    failed = or_(changes.c.result.in_([result.value for result in FAILED_RESULTS]), tied).label(
        "failed"
    )
    columns = (
        changes.c.same_commit,
        changes.c.result,
        changes.c.closed_at,
        failed,
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
    return tuple(
        Match(
            change=change,
            admitted_at=from_us(admitted_at),
            same_commit=bool(same_commit),
            result=None if result is None else Result(result),
            closed_at=optional_instant(closed_at),
            failed=bool(has_failed),
            failed_at=optional_instant(failed_at),
        )
        for change, admitted_at, same_commit, result, closed_at, has_failed, failed_at in conn.execute(
            query
        )
    )


def suspension(
    conn: Connection, service: str, environment: str, standard_change: str
) -> Suspension:
    """What is in force for it here."""
    here = standard_changes.c
    query = select(here.because, here.suspended_at, here.reinstated_at).where(
        here.service == service,
        here.environment == environment,
        here.standard_change == standard_change,
    )
    row = conn.execute(query).first()
    if row is None:
        return Suspension()
    return Suspension(
        row.because if row.suspended_at is not None else None, optional_instant(row.reinstated_at)
    )


def suspend(tx: Tx, service: str, environment: str, standard_change: str, because: str) -> bool:
    """Suspended until a person lifts it. False when it is suspended already."""
    place = {"service": service, "environment": environment, "name": standard_change}
    tx.conn.execute(_NAME, place)
    return (
        tx.conn.execute(_SUSPEND, {**place, "because": because, "at": to_us(tx.now)}).rowcount == 1
    )


_ADD = text(
    "INSERT INTO standard_matches (service, environment, standard_change, change_id, admitted_at)"
    " VALUES (:service, :environment, :name, :change, :at) ON CONFLICT DO NOTHING"
)
_NAME = text(
    "INSERT INTO standard_changes (service, environment, standard_change, because)"
    " VALUES (:service, :environment, :name, '') ON CONFLICT DO NOTHING"
)
_SUSPEND = text(
    "UPDATE standard_changes SET suspended_at = :at, because = :because"
    " WHERE service = :service AND environment = :environment AND standard_change = :name "
    "AND suspended_at IS NULL"
)
