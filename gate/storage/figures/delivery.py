"""The sums of delivery. There are as many rows as days and kinds, however many changes
there were.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, func, select

from gate.core.days import Days
from gate.storage.figures.outcomes import LEAD, RECOVERY
from gate.storage.tables.schema_delivery import (
    delivery_days,
    delivery_rules,
    delivery_times,
    delivery_totals,
)

ROWS_MAX = 200
"""The most values of one division that are read, those with most deployments."""

_D = delivery_days.c
DIVISIONS: Mapping[str, Column[Any]] = {
    "route": _D.route,
    "band": _D.band,
    "policy": _D.policy,
    "standard_change": _D.standard_change,
}


@dataclass(frozen=True, slots=True)
class Place:
    """One service in one environment, in some days."""

    service: str
    environment: str
    days: Days


@dataclass(frozen=True, slots=True)
class Share:
    """The deployments of one value, and how many of them failed."""

    value: str | int
    deployments: int
    failed: int


@dataclass(frozen=True, slots=True)
class Sums:
    """Everything that was counted. `lead` and `recovery` say how often each number of seconds
    occurs.
    """

    deployments: int
    failed: int
    rework: int
    lead: Mapping[int, int]
    recovery: Mapping[int, int]
    by: Mapping[str, Sequence[Share]]


def sums(conn: Connection, place: Place) -> Sums:
    """Return the sums of one place, never of several together.

    `by` lists the other services of the environment too, each separately.
    """
    days = (_D.service == place.service, *_in_environment(delivery_days, place))
    deployments, failed, rework = totals(conn, place)
    by = {name: _shares(conn, column, days) for name, column in DIVISIONS.items()}
    rules = delivery_rules.c
    by["rule"] = _shares(
        conn, rules.rule, (rules.service == place.service, *_in_environment(delivery_rules, place))
    )
    everywhere = _in_environment(delivery_totals, place)
    by["service"] = _shares(conn, delivery_totals.c.service, everywhere)
    return Sums(
        deployments, failed, rework, times(conn, place, LEAD), times(conn, place, RECOVERY), by
    )


def totals(conn: Connection, place: Place) -> tuple[int, int, int]:
    """Return how many deployments of a place there were, and how many failed or were rework."""
    days = (_D.service == place.service, *_in_environment(delivery_days, place))
    counted = select(func.sum(_D.deployments), func.sum(_D.failed), func.sum(_D.rework))
    deployments, failed, rework = conn.execute(counted.where(*days)).one()
    return int(deployments or 0), int(failed or 0), int(rework or 0)


def _in_environment(table: Table, place: Place) -> tuple[ColumnElement[bool], ...]:
    return (
        table.c.environment == place.environment,
        table.c.day >= place.days.begins,
        table.c.day < place.days.ends,
    )


def _shares(
    conn: Connection, column: Column[Any], where: Sequence[ColumnElement[bool]]
) -> list[Share]:
    table = column.table.c
    deployments = func.sum(table.deployments).label("deployments")
    failed = func.sum(table.failed).label("failed")
    query = select(column.label("value"), deployments, failed).where(*where).group_by(column)
    rows = conn.execute(
        query.having(deployments > 0).order_by(deployments.desc(), column).limit(ROWS_MAX)
    )
    return [Share(row.value, int(row.deployments), int(row.failed)) for row in rows]


def times(conn: Connection, place: Place, measure: str) -> dict[int, int]:
    """Return how often each duration of the place occurs."""
    t = delivery_times.c
    here = (
        t.service == place.service,
        t.measure == measure,
        *_in_environment(delivery_times, place),
    )
    query = select(t.seconds, func.sum(t.n).label("n")).where(*here).group_by(t.seconds)
    return {row.seconds: int(row.n) for row in conn.execute(query)}
