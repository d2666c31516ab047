"""Changes that still wait and name a time: when they begin, and when they end."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, func, or_, select

from gate.core.change import WAITING, State
from gate.core.decision.record import read_asked
from gate.storage.database.values import every
from gate.storage.tables.schema import changes

PLANNED_MAX = 200
USUAL_LENGTH = timedelta(hours=1)
"""How long a change is shown to last if it names only its beginning, or only its end."""


class Planned(NamedTuple):
    """One change in the schedule. `title` is the id of a text, or empty."""

    id: str
    service: str
    environment: str
    state: State
    begins: datetime
    ends: datetime
    title: str


def planned_between(
    conn: Connection, begins: datetime, ends: datetime, service: str | None, environment: str | None
) -> tuple[Planned, ...]:
    """Return waiting changes that are planned within this time, earliest first.

    They are at most `PLANNED_MAX`; one more is returned where others were left out.
    """
    column, length = changes.c, USUAL_LENGTH // timedelta(microseconds=1)
    first = func.coalesce(column.planned_start, column.planned_end - length)
    last = func.coalesce(column.planned_end, column.planned_start + length)
    named = or_(column.planned_start.is_not(None), column.planned_end.is_not(None))
    touching = and_(column.state.in_(WAITING), named, first < ends, last > begins)
    query = select(
        column.id, column.service, column.environment, column.state, first, last, column.detail
    ).where(touching)
    if service is not None:
        query = query.where(column.service == service)
    if environment is not None:
        query = query.where(column.environment == environment)
    return every(conn, _planned, query.order_by(first, column.id).limit(PLANNED_MAX + 1))


def _planned(*columns: Any) -> Planned:
    *placed, detail = columns
    return Planned._make([*placed, read_asked(detail).title])
