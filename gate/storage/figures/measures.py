"""Measures that other systems send: satisfaction, adoption, cost, availability.

They are shown on the scorecard, and nothing that decides reads them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, func, select

from gate.storage.database.tx import Tx
from gate.storage.database.upsert import upsert
from gate.storage.database.values import first
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
    if not _is_within_limit(tx.conn, measure):
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
    found = []
    for where, name in _measured(conn, service):
        if where in (environment, EVERYWHERE):
            values = _values(service, where, name).where(_M.at < ends)
            found.append(first(conn, Measure, values.order_by(_M.at.desc()).limit(1)))
    known = [one for one in found if one is not None]
    return sorted(known, key=lambda one: (one.name, one.environment))


def _is_within_limit(conn: Connection, measure: Measure) -> bool:
    same = _values(measure.service, measure.environment, measure.name).limit(1)
    if first(conn, Measure, same) is not None:
        return True
    names = {name for _, name in _measured(conn, measure.service)}
    return measure.name in names or len(names) < NAMES_MAX


def _measured(conn: Connection, service: str) -> Iterator[tuple[str, str]]:
    """Yield environment and name of every measure of a service, in the order of the key.

    Each is one step into the key. A `DISTINCT` would read all values, and whoever sends millions of
    them would keep the one writer busy with that.
    """
    of_service = _M.service == service
    for environment in _each(conn, _M.environment, of_service):
        for name in _each(conn, _M.name, of_service & (_M.environment == environment)):
            yield environment, name


def _each(conn: Connection, column: Column[str], here: ColumnElement[bool]) -> Iterator[str]:
    lowest = select(func.min(column)).where(here)
    found = conn.execute(lowest).scalar()
    while found is not None:
        yield found
        found = conn.execute(lowest.where(column > found)).scalar()


def _values(service: str, environment: str, name: str) -> Select[Any]:
    here = (_M.service == service, _M.environment == environment, _M.name == name)
    return select(*_COLUMNS).where(*here)


_COLUMNS = (_M.service, _M.environment, _M.name, _M.unit, _M.value, _M.at)
