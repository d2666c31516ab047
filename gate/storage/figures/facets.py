"""The number of recent decisions of each kind, from sums that every submission updates, never from
the log itself.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from gate.core.decision.values import Band, Outcome
from gate.storage.tables.schema_work import rollups

FACET_VALUES_MAX = 12
"""The most values of one kind, the most frequent first. Others are found by typing their name."""

_OUTCOMES = tuple(outcome.value for outcome in Outcome)


def counts(
    conn: Connection, since_day: int, equal: Mapping[str, Any]
) -> dict[str, list[tuple[Any, int]]]:
    """Return the counts by service, environment, outcome, route and band.

    `equal` narrows each of them, except by its own column.
    """
    columns = {
        "outcome": rollups.c.measure,
        "route": rollups.c.route,
        "band": rollups.c.band,
        "environment": rollups.c.environment,
        "service": rollups.c.service,
    }
    return {
        name: _of(conn, column, since_day, _others(equal, columns, name))
        for name, column in columns.items()
    }


def _others(
    equal: Mapping[str, Any], columns: Mapping[str, ColumnElement[Any]], name: str
) -> list[ColumnElement[bool]]:
    return [
        columns[other] == _plain(value)
        for other, value in equal.items()
        if value is not None and other in columns and other != name
    ]


def _of(
    conn: Connection,
    column: ColumnElement[Any],
    since_day: int,
    conditions: list[ColumnElement[bool]],
) -> list[tuple[Any, int]]:
    n = func.sum(rollups.c.n)
    query = select(column, n).where(
        rollups.c.day >= since_day, rollups.c.measure.in_(_OUTCOMES), *conditions
    )
    rows = conn.execute(query.group_by(column).order_by(n.desc(), column).limit(FACET_VALUES_MAX))
    return [(value, int(counted)) for value, counted in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, Band):
        return int(value)
    return getattr(value, "value", value)
