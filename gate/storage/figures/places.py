"""How deployments ended by week and by day, in one place or in many. They are read from daily
totals, so the cost grows with places and days only.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple, TypeAlias

from sqlalchemy import Connection, func, select

from gate.core.days import Days
from gate.storage.figures.delivery import Place
from gate.storage.tables.schema_delivery import delivery_days, delivery_totals

_T = delivery_totals.c
_D = delivery_days.c


class PlaceInTime(NamedTuple):
    """One service in one environment, from one instant to before another."""

    service: str
    environment: str
    begins: datetime
    ends: datetime


class Ended(NamedTuple):
    """The number of deployments, and how many of them failed."""

    deployments: int
    failed: int


class Periods(NamedTuple):
    """Days that are divided into periods of `step` days each."""

    days: Days
    step: int


EndedByPeriod: TypeAlias = Mapping[int, Ended]
"""Results by the number of the period, from 0. A period without deployments is absent."""


def of_places(
    conn: Connection, environments: Collection[str], periods: Periods, service: str | None = None
) -> dict[tuple[str, str], dict[int, Ended]]:
    """Return the periods of every place in these environments, by service and environment.

    With `service`, only the places of that service are returned.
    """
    days = periods.days
    period = (_T.day - days.begins) // periods.step
    deployments, failed = func.sum(_T.deployments), func.sum(_T.failed)
    query = (
        select(_T.service, _T.environment, period.label("period"), deployments, failed)
        .where(_T.environment.in_(environments), _T.day >= days.begins, _T.day < days.ends)
        .group_by(_T.service, _T.environment, period)
        .having(deployments > 0)
    )
    if service is not None:
        query = query.where(_T.service == service)
    found: dict[tuple[str, str], dict[int, Ended]] = {}
    for name, environment, number, some, some_failed in conn.execute(query):
        ended = found.setdefault((name, environment), {})
        ended[int(number)] = Ended(int(some), int(some_failed))
    return found


def of_place(conn: Connection, place: Place, step: int) -> EndedByPeriod:
    """Return the periods of one place, each of `step` days."""
    period = (_D.day - place.days.begins) // step
    query = (
        select(period.label("period"), func.sum(_D.deployments), func.sum(_D.failed))
        .where(
            _D.service == place.service,
            _D.environment == place.environment,
            _D.day >= place.days.begins,
            _D.day < place.days.ends,
        )
        .group_by(period)
        .having(func.sum(_D.deployments) > 0)
    )
    rows = conn.execute(query)
    return {int(number): Ended(int(some), int(failed)) for number, some, failed in rows}


def by_day(
    conn: Connection, environments: Collection[str], service: str | None, days: Days
) -> dict[int, Ended]:
    """Return the results of each day in these environments together, of one service or of all."""
    query = select(_T.day, func.sum(_T.deployments), func.sum(_T.failed)).where(
        _T.environment.in_(environments), _T.day >= days.begins, _T.day < days.ends
    )
    if service is not None:
        query = query.where(_T.service == service)
    rows = conn.execute(query.group_by(_T.day).having(func.sum(_T.deployments) > 0))
    return {day: Ended(int(some), int(failed)) for day, some, failed in rows}
