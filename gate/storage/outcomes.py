"""What each change adds to the sums of delivery. Counting again is always right: the difference is added, or taken away."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, Table, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from gate.core.delivery import NOTHING, Deployed, Figures, figures
from gate.core.instants import from_us, optional_instant, to_us
from gate.storage import changes as change_table
from gate.storage import links
from gate.storage.changes import StoredChange
from gate.storage.schema import SUCCEEDED, changes
from gate.storage.schema_delivery import delivery_days, delivery_rules, delivery_times, outcomes
from gate.storage.schema_incidents import incidents
from gate.storage.tx import Tx

DAY_US = 24 * 3600 * 1_000_000
UNRECOVERED_MAX = 100
"""Failed deployments of a place that one success recovers; of more than these nobody would believe that it did."""

LEAD, RECOVERY = "lead", "recovery"


@dataclass(frozen=True, slots=True)
class Kind:
    """What never changes of a change once it is admitted. `policy` is a revision; `rules` are those that gave points."""

    route: str
    band: int
    policy: str
    standard_change: str
    rules: tuple[str, ...]
    age_hours: int | None
    rework: bool


def count(tx: Tx, change: str, kind: Kind | None = None) -> None:
    """Make the sums say what is so of this change now. `kind` is needed when it is counted for the first time.

    Under the lock of its place; of a change that was never admitted there is nothing to count.
    """
    stored = change_table.read(tx.conn, change)
    if stored is None or stored.admitted_at is None:
        return
    row = _row(tx.conn, change)
    if row is None and kind is not None:
        _begin(tx, stored, kind)
        row = _row(tx.conn, change)
    if row is None:
        return
    before, now = _counted(row), figures(_deployed(tx.conn, stored, row))
    if now == before:
        return
    for table, keys, numbers in _differences(row, before, now):
        _add(tx, table, keys, numbers)
    tx.conn.execute(update(outcomes).where(outcomes.c.change_id == change).values(_as_values(now)))


def unrecovered(conn: Connection, service: str, environment: str) -> list[str]:
    """Changes of the place that failed, and of which nobody knows yet when it was well again."""
    here = (outcomes.c.service == service, outcomes.c.environment == environment, text("failed = 1 AND recovery_seconds IS NULL"))
    return list(conn.scalars(select(outcomes.c.change_id).where(*here).order_by(outcomes.c.change_id.desc()).limit(UNRECOVERED_MAX)))


def failed_before(conn: Connection, service: str, environment: str, admitted_at: datetime) -> list[str]:
    """The last changes of the place that failed and were admitted no later: a success that was none may have recovered them."""
    here = (outcomes.c.service == service, outcomes.c.environment == environment, text("failed = 1"))
    query = select(outcomes.c.change_id).where(*here, outcomes.c.day <= to_us(admitted_at) // DAY_US)
    return list(conn.scalars(query.order_by(outcomes.c.day.desc(), outcomes.c.change_id.desc()).limit(UNRECOVERED_MAX)))


def _row(conn: Connection, change: str) -> Row[Any] | None:
    return conn.execute(select(outcomes).where(outcomes.c.change_id == change)).first()


def _begin(tx: Tx, stored: StoredChange, kind: Kind) -> None:
    row = {
        "change_id": stored.id,
        "service": stored.service,
        "environment": stored.environment,
        "day": to_us(stored.admitted_at or tx.now) // DAY_US,
        "route": kind.route,
        "band": kind.band,
        "policy": kind.policy,
        "standard_change": kind.standard_change,
        "rules": orjson.dumps(sorted(set(kind.rules))).decode(),
        "age_hours": kind.age_hours,
        "rework": kind.rework,
        **_as_values(NOTHING),
    }
    tx.conn.execute(insert(outcomes).values(row))


def _as_values(counted: Figures) -> dict[str, int | None]:
    return {
        "deployments": counted.deployments,
        "failed": counted.failed,
        "reworked": counted.rework,
        "lead_seconds": counted.lead_seconds,
        "recovery_seconds": counted.recovery_seconds,
    }


def _counted(row: Row[Any]) -> Figures:
    return Figures(row.deployments, row.failed, row.reworked, row.lead_seconds, row.recovery_seconds)


def _deployed(conn: Connection, stored: StoredChange, row: Row[Any]) -> Deployed:
    tied = [link.incident for link in links.of_change(conn, stored.id)]
    found = conn.execute(select(incidents.c.began_at, incidents.c.resolved_at).where(incidents.c.id.in_(tied))) if tied else ()
    return Deployed(
        submitted_at=stored.submitted_at,
        admitted_at=stored.admitted_at or stored.submitted_at,
        closed_at=stored.closed_at,
        result=stored.result,
        failed_at=stored.failed_at,
        age_hours=row.age_hours,
        is_rework=row.rework,
        incidents=tuple((from_us(one.began_at), optional_instant(one.resolved_at)) for one in found),
        next_success_at=_next_success(conn, stored),
    )


def _next_success(conn: Connection, stored: StoredChange) -> datetime | None:
    """When the first later deployment of the place was closed successful."""
    if stored.failed_at is None or stored.admitted_at is None:
        return None
    here = (changes.c.service == stored.service, changes.c.environment == stored.environment, text(SUCCEEDED))
    later = (changes.c.closed_at >= to_us(stored.failed_at), changes.c.admitted_at > to_us(stored.admitted_at))
    query = select(changes.c.closed_at).where(*here, *later, ~changes.c.failed).order_by(changes.c.closed_at, changes.c.id).limit(1)
    return optional_instant(conn.execute(query).scalar())


_Keys = dict[str, Any]
_Numbers = dict[str, int]


def _differences(row: Row[Any], before: Figures, now: Figures) -> Iterator[tuple[Table, _Keys, _Numbers]]:
    """What to add to which sum."""
    place = {"service": row.service, "environment": row.environment, "day": row.day}
    deployments, failed, rework = now.deployments - before.deployments, now.failed - before.failed, now.rework - before.rework
    if deployments or failed or rework:
        kind = {"route": row.route, "band": row.band, "policy": row.policy, "standard_change": row.standard_change}
        yield delivery_days, place | kind, {"deployments": deployments, "failed": failed, "rework": rework}
        for rule in orjson.loads(row.rules):
            yield delivery_rules, place | {"rule": rule}, {"deployments": deployments, "failed": failed}
    for measure, old, new in (
        (LEAD, before.lead_seconds, now.lead_seconds),
        (RECOVERY, before.recovery_seconds, now.recovery_seconds),
    ):
        if old != new:
            for seconds, n in ((old, -1), (new, 1)):
                if seconds is not None:
                    yield delivery_times, place | {"measure": measure, "seconds": seconds}, {"n": n}


def _add(tx: Tx, table: Table, keys: _Keys, numbers: _Numbers) -> None:
    insertion = (postgresql.insert if tx.is_postgres else sqlite.insert)(table).values(keys | numbers)
    added = {name: table.c[name] + insertion.excluded[name] for name in numbers}
    tx.conn.execute(insertion.on_conflict_do_update(index_elements=list(keys), set_=added))
