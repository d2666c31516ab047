"""Measures that other systems send: satisfaction, adoption, cost, availability.

They are shown on the scorecard, and nothing that decides reads them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from gate.storage.database.tx import Tx
from gate.storage.database.upsert import upsert
from gate.storage.database.values import every
from gate.storage.tables.schema_learning import measures

NAMES_MAX = 50
"""The most different measures of one service, because nobody would read a page with more."""

EVERYWHERE = ""
_M = measures.c


@dataclass(frozen=True, slots=True)
class Measure:
    """One value at one time, in ten-thousandths. An empty `environment` means all environments."""

    service: str
    environment: str
    name: str
    unit: str
    value: int
    at: datetime


def keep(tx: Tx, measure: Measure, caller: str) -> bool:
    """Store a measure, or correct the value of the same name and time.

    Returns False, and stores nothing, if the service has `NAMES_MAX` other measures already.
    """
    query = select(_M.name).where(_M.service == measure.service).distinct().limit(NAMES_MAX + 1)
    names = set(tx.conn.execute(query).scalars())
    if measure.name not in names and len(names) >= NAMES_MAX:
        return False
    row = {
        "service": measure.service,
        "environment": measure.environment,
        "name": measure.name,
        "at": measure.at,
        "unit": measure.unit,
        "value": measure.value,
        "caller": caller,
        "received_at": tx.now,
    }
    upsert(tx, measures, row)
    return True


def newest(
    conn: Connection, service: str, environment: str, *, ends: datetime
) -> Sequence[Measure]:
    """Return the newest value of each measure of the place before this time, by name."""
    here = (
        _M.service == service,
        _M.environment.in_((environment, EVERYWHERE)),
        _M.at < ends,
    )
    last = (
        select(_M.environment, _M.name, func.max(_M.at).label("at"))
        .where(*here)
        .group_by(_M.environment, _M.name)
        .limit(2 * NAMES_MAX)
        .subquery()
    )
    query = (
        select(*_COLUMNS)
        .join(
            last,
            (last.c.environment == _M.environment)
            & (last.c.name == _M.name)
            & (last.c.at == _M.at),
        )
        .where(_M.service == service)
        .order_by(_M.name, _M.environment)
    )
    return every(conn, Measure, query)


_COLUMNS = (_M.service, _M.environment, _M.name, _M.unit, _M.value, _M.at)
