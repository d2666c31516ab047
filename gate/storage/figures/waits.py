"""How long changes waited for people: sums of a week by group and place, and the longest ones.

Sums are kept, so a week costs the same however much happened in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select, text

from gate.storage.database.tx import Tx
from gate.storage.database.upsert import add_up, insert_new
from gate.storage.database.values import every
from gate.storage.tables.schema_learning import WHOLE, wait_sums, waits
from gate.storage.tables.stored_change import StoredChange

SUMS_MAX = 5_000
"""The most pairs of a place and a group that are read, those with most waiting first."""

USUAL_OF = 200
"""From so many of the newest waits of a place follows what is usual there."""

OF_THE_CHANGE = ""
"""Stands in the place of a group in the row of the change as a whole."""

_W, _S = waits.c, wait_sums.c


@dataclass(frozen=True, slots=True)
class WaitFilters:
    """A week, and one group or one place of it. None is any."""

    week: str
    group: str | None = None
    service: str | None = None
    environment: str | None = None


class WaitSum(NamedTuple):
    """How many changes of one place waited for one group, and how long in all.

    An empty `group` is the change as a whole, however many groups it waited for.
    """

    group: str
    service: str
    environment: str
    changes: int
    seconds: int


class Wait(NamedTuple):
    """One change that waited."""

    change: str
    service: str
    environment: str
    seconds: int
    ended_at: datetime


def add(tx: Tx, stored: StoredChange, week: str, seconds: int, by_group: Mapping[str, int]) -> None:
    """Keep how long a change waited until now, as a whole and for each group.

    Whoever takes an approval back and gives it again in one batch of the writer ends a second wait
    at the same instant; it took no time, and the first one stays.
    """
    place = {"service": stored.service, "environment": stored.environment}
    for group, spent in {OF_THE_CHANGE: seconds, **by_group}.items():
        row = {"change_id": stored.id, "ended_at": tx.now, "asked": group, **place}
        if insert_new(tx, waits, {**row, "seconds": spent, "week": week}):
            key = {"week": week, "asked": group, **place}
            add_up(tx, wait_sums, {**key, "changes": 1, "seconds": spent})


def sums(conn: Connection, week: str) -> tuple[WaitSum, ...]:
    """Return the sums of the waits that ended in the week, by place and group, those with most
    waiting first.
    """
    query = (
        select(_S.asked, _S.service, _S.environment, _S.changes, _S.seconds)
        .where(_S.week == week)
        .order_by(_S.seconds.desc(), _S.asked, _S.service, _S.environment)
    )
    return every(conn, WaitSum, query.limit(SUMS_MAX))


def sums_of_weeks(conn: Connection, weeks: Sequence[str]) -> tuple[WaitSum, ...]:
    """Return the sums over several weeks, by place and group, those with most waiting first."""
    changes, seconds = func.sum(_S.changes), func.sum(_S.seconds)
    query = (
        select(_S.asked, _S.service, _S.environment, changes, seconds)
        .where(_S.week.in_(weeks))
        .group_by(_S.asked, _S.service, _S.environment)
        .order_by(seconds.desc(), _S.asked, _S.service, _S.environment)
        .limit(SUMS_MAX)
    )
    return tuple(
        WaitSum(group, service, environment, int(n), int(spent))
        for group, service, environment, n, spent in conn.execute(query)
    )


def longest(conn: Connection, filters: WaitFilters, limit: int) -> Sequence[Wait]:
    """Return the waits that ended in the week, the longest first."""
    whom = text(WHOLE) if filters.group is None else _W.asked == filters.group
    query = (
        select(_W.change_id, _W.service, _W.environment, _W.seconds, _W.ended_at)
        .where(_W.week == filters.week, whom)
        .order_by(_W.seconds.desc(), _W.ended_at.desc(), _W.change_id.desc())
    )
    if filters.service is not None:
        query = query.where(_W.service == filters.service)
    if filters.environment is not None:
        query = query.where(_W.environment == filters.environment)
    return every(conn, Wait, query.limit(limit))


def newest_seconds(conn: Connection, service: str, environment: str, before: datetime) -> list[int]:
    """Return how long the newest changes of a place waited that were decided before this instant,
    shortest first.
    """
    query = (
        select(_W.seconds)
        .where(
            text(WHOLE),
            _W.service == service,
            _W.environment == environment,
            _W.ended_at < before,
        )
        .order_by(_W.ended_at.desc())
        .limit(USUAL_OF)
    )
    return sorted(conn.execute(query).scalars())
