"""What each change adds to the sums of delivery.

Counting a change again is always correct, because only the difference is added or taken away. Every
closure reads these rows, so the queries are `Hot`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Table

from gate.core.change import Result
from gate.core.days import DAY_US, day_of
from gate.core.delivery import Deployed, Figures, figures
from gate.core.instants import from_us, optional_instant
from gate.storage.database.hot import Hot
from gate.storage.database.tx import Tx
from gate.storage.database.upsert import add_up, upsert
from gate.storage.database.values import values_of
from gate.storage.incidents.links import LINKS_MAX
from gate.storage.tables.schema import ENDED, SUCCEEDED
from gate.storage.tables.schema_delivery import (
    delivery_days,
    delivery_rules,
    delivery_times,
    delivery_totals,
    outcomes,
)
from gate.storage.tables.schema_incidents import ACTIVE

UNRECOVERED_MAX = 100
"""The most failed deployments of a place that one success recovers. It is not credible that a
success recovered more than these."""

LEAD, RECOVERY = "lead", "recovery"


@dataclass(frozen=True, slots=True)
class Kind:
    """The properties of an admitted change that never change.

    `policy` is a revision, and `rules` are those that gave points.
    """

    route: str
    band: int
    policy: str
    standard_change: str
    rules: tuple[str, ...]
    age_hours: int | None
    rework: bool


def count(tx: Tx, change: str, kind: Kind | None = None) -> None:
    """Update the sums so that they count this change as it is now.

    `kind` is needed when the change is counted for the first time. The caller holds the lock of the
    place. A change that was never admitted is not counted.
    """
    found = _CHANGE.run(tx, change).fetchone()
    if found is None:
        return
    row = _Change._make(found)
    if row.rules is None:
        if kind is None:
            return
        row = _first_counted(row, kind)
    before = Figures(
        row.deployments, row.failed, row.reworked, row.lead_seconds, row.recovery_seconds
    )
    now = figures(_deployed(tx, change, row))
    if now == before:
        return
    for table, difference in _differences(row, before, now):
        add_up(tx, table, difference)
    _keep(tx, change, row, now)


def unrecovered(tx: Tx, service: str, environment: str) -> list[str]:
    """Return the changes of the place that failed and have no known recovery yet."""
    return [change for (change,) in _UNRECOVERED.run(tx, service, environment).fetchall()]


def failed_before(tx: Tx, service: str, environment: str, admitted_at: datetime) -> list[str]:
    """Return the last failed changes of the place that were admitted no later than this day.

    If a success turns out to be a failure, these changes may have been counted as recovered by it.
    """
    return [
        change
        for (change,) in _FAILED_BEFORE.run(
            tx, service, environment, day_of(admitted_at)
        ).fetchall()
    ]


class _Change(NamedTuple):
    """The row of a change, joined to its row of `outcomes`. The fields from `day` on are None if it
    was never counted.
    """

    service: str
    environment: str
    submitted_at: int
    admitted_at: int
    closed_at: int | None
    result: str | None
    failed_at: int | None
    is_tied: bool
    day: int
    route: str
    band: int
    policy: str
    standard_change: str
    rules: str | None
    age_hours: int | None
    rework: bool
    deployments: int
    failed: int
    reworked: int
    lead_seconds: int | None
    recovery_seconds: int | None


def _first_counted(row: _Change, kind: Kind) -> _Change:
    """Return the row of a change that nothing was counted of yet."""
    rules = orjson.dumps(sorted(set(kind.rules))).decode()
    of_kind = {**values_of(kind), "rules": rules, "day": row.admitted_at // DAY_US}
    return row._replace(**of_kind, deployments=0, failed=0, reworked=0)


def _keep(tx: Tx, change: str, row: _Change, now: Figures) -> None:
    """Keep what the sums count of the change now."""
    counted = {
        "deployments": now.deployments,
        "failed": now.failed,
        "reworked": now.rework,
        "lead_seconds": now.lead_seconds,
        "recovery_seconds": now.recovery_seconds,
    }
    kind_of_row = {name: getattr(row, name) for name in _KIND} | {"rework": bool(row.rework)}
    place = {"service": row.service, "environment": row.environment}
    upsert(
        tx,
        outcomes,
        {"change_id": change, **place, **kind_of_row, **counted},
        only=tuple(counted),
    )


_KIND_BEGINS = _Change._fields.index("day")
_KIND = _Change._fields[_KIND_BEGINS : _Change._fields.index("deployments")]


def _deployed(tx: Tx, change: str, row: _Change) -> Deployed:
    next_success = None
    if row.failed_at is not None:
        found = _NEXT_SUCCESS.run(
            tx, row.service, row.environment, row.failed_at, row.admitted_at
        ).fetchone()
        next_success = found[0] if found else None
    return Deployed(
        submitted_at=from_us(row.submitted_at),
        admitted_at=from_us(row.admitted_at),
        closed_at=optional_instant(row.closed_at),
        result=Result(row.result) if row.result else None,
        failed_at=optional_instant(row.failed_at),
        age_hours=row.age_hours,
        is_rework=bool(row.rework),
        incidents=tuple(
            (from_us(began), optional_instant(over)) for began, over in _incidents(tx, change, row)
        ),
        next_success_at=optional_instant(next_success),
    )


def _incidents(tx: Tx, change: str, row: _Change) -> list[tuple[Any, ...]]:
    return _INCIDENTS.run(tx, change).fetchall() if row.is_tied else []


def _differences(
    row: _Change, before: Figures, now: Figures
) -> Iterator[tuple[Table, dict[str, Any]]]:
    """Yield each table of sums with the difference to add to it."""
    place = {"service": row.service, "environment": row.environment, "day": row.day}
    more = {
        "deployments": now.deployments - before.deployments,
        "failed": now.failed - before.failed,
    }
    rework = now.rework - before.rework
    if any(more.values()) or rework:
        kind = {name: getattr(row, name) for name in ("route", "band", "policy", "standard_change")}
        yield delivery_days, {**place, **kind, **more, "rework": rework}
        for rule in orjson.loads(row.rules or "[]"):
            yield delivery_rules, {**place, "rule": rule, **more}
    if any(more.values()):
        yield delivery_totals, {**place, **more}
    for measure, old, new in (
        (LEAD, before.lead_seconds, now.lead_seconds),
        (RECOVERY, before.recovery_seconds, now.recovery_seconds),
    ):
        if old != new:
            for seconds, n in ((old, -1), (new, 1)):
                if seconds is not None:
                    time = {"measure": measure, "seconds": seconds, "n": n}
                    yield delivery_times, {**place, **time}


_OF_CHANGE = ", ".join(f"c.{name}" for name in _Change._fields[: _KIND_BEGINS - 1])
_OF_OUTCOME = ", ".join(f"o.{name}" for name in _Change._fields[_KIND_BEGINS:])
_CHANGE = Hot(f"""
SELECT {_OF_CHANGE},
  EXISTS (SELECT 1 FROM incident_links l WHERE l.change_id = c.id AND {ACTIVE}), {_OF_OUTCOME}
FROM changes c LEFT JOIN outcomes o ON o.change_id = c.id
WHERE c.id = ? AND c.admitted_at IS NOT NULL
""")  # noqa: S608 - names of our own schema
_INCIDENTS = Hot(f"""
SELECT i.began_at, i.resolved_at FROM incident_links l JOIN incidents i ON i.id = l.incident_id
WHERE l.change_id = ? AND {ACTIVE} ORDER BY l.at, l.id LIMIT {LINKS_MAX}
""")  # noqa: S608 - constants of this program
_NEXT_SUCCESS = Hot(f"""
SELECT closed_at FROM changes
WHERE service = ? AND environment = ? AND {SUCCEEDED}
  AND {ENDED} >= ? AND admitted_at > ? AND NOT failed
ORDER BY {ENDED}, id LIMIT 1
""")  # noqa: S608 - constants of this program
_FAILED = "SELECT change_id FROM outcomes WHERE service = ? AND environment = ? AND failed = 1"
_UNRECOVERED = Hot(
    f"{_FAILED} AND recovery_seconds IS NULL ORDER BY change_id DESC LIMIT {UNRECOVERED_MAX}"
)
_FAILED_BEFORE = Hot(
    f"{_FAILED} AND day <= ? ORDER BY day DESC, change_id DESC LIMIT {UNRECOVERED_MAX}"
)
