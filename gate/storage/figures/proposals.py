"""From what the gate proposes improvements: sums a day, the newest failures of a place, and what
waits now. What is read grows with days and places, not with the changes that there ever were.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Integer, and_, case, func, select, text

from gate.core.days import Days
from gate.core.learning.improvements import CLEAN_MIN, FIRED_MIN, RECURRING_MIN
from gate.storage.database.values import every
from gate.storage.tables.schema import PEOPLES_ROUTES, changes
from gate.storage.tables.schema_delivery import (
    delivery_days,
    delivery_rules,
    delivery_totals,
    outcomes,
)

FOUND_MAX = 50
"""So many places or rules of one signal are looked at; those with most deployments first."""

FAILED_MAX = 20
"""So many of the newest failures of one place are looked at one by one."""


class Escalated(NamedTuple):
    """A place in which people were asked about every deployment, and none failed."""

    service: str
    environment: str
    deployments: int


class FiredRule(NamedTuple):
    """A rule (`policy/rule`) in one place, beside all deployments of that place."""

    service: str
    environment: str
    rule: str
    fired: int
    fired_failed: int
    deployments: int
    failed: int


class FailingPlace(NamedTuple):
    """A place with so many failed deployments."""

    service: str
    environment: str
    failed: int


class Queue(NamedTuple):
    """What waits in one place now."""

    service: str
    environment: str
    waiting: int
    oldest_at: datetime


def escalated(conn: Connection, days: Days) -> list[Escalated]:
    """Return the places where every deployment of these days went through people and none failed,
    if there were enough of them.
    """
    table = delivery_days.c
    deployments = func.sum(table.deployments)
    asked = func.sum(
        case((table.route.in_(PEOPLES_ROUTES), table.deployments), else_=0), type_=Integer
    )
    query = (
        select(table.service, table.environment, deployments)
        .where(table.day >= days.begins, table.day < days.ends)
        .group_by(table.service, table.environment)
        .having(and_(deployments >= CLEAN_MIN, asked == deployments, func.sum(table.failed) == 0))
        .order_by(deployments.desc(), table.service, table.environment)
        .limit(FOUND_MAX)
    )
    return [Escalated(one, where, int(n)) for one, where, n in conn.execute(query)]


def fired_rules(conn: Connection, days: Days) -> list[FiredRule]:
    """Return the rules that gave points to enough deployments of a place in these days."""
    rules, totals = delivery_rules.c, delivery_totals.c
    whole = (
        select(
            totals.service,
            totals.environment,
            func.sum(totals.deployments).label("deployments"),
            func.sum(totals.failed).label("failed"),
        )
        .where(totals.day >= days.begins, totals.day < days.ends)
        .group_by(totals.service, totals.environment)
        .subquery()
    )
    fired, fired_failed = func.sum(rules.deployments), func.sum(rules.failed)
    rule = (rules.service, rules.environment, rules.rule)
    place = (whole.c.deployments, whole.c.failed)
    query = (
        select(*rule, fired, fired_failed, *place)
        .join(
            whole,
            (whole.c.service == rules.service) & (whole.c.environment == rules.environment),
        )
        .where(rules.day >= days.begins, rules.day < days.ends)
        .group_by(*rule, *place)
        .having(
            and_(
                fired >= FIRED_MIN,
                fired_failed * whole.c.deployments <= whole.c.failed * fired,
            )
        )
        .order_by(fired.desc(), *rule)
        .limit(FOUND_MAX)
    )
    return [
        FiredRule(service, environment, rule, *map(int, numbers))
        for service, environment, rule, *numbers in conn.execute(query)
    ]


def failing(conn: Connection, days: Days) -> list[FailingPlace]:
    """Return the places in which enough deployments of these days failed, most failures first."""
    table = delivery_totals.c
    failed = func.sum(table.failed)
    query = (
        select(table.service, table.environment, failed)
        .where(table.day >= days.begins, table.day < days.ends)
        .group_by(table.service, table.environment)
        .having(failed >= RECURRING_MIN)
        .order_by(failed.desc(), table.service, table.environment)
        .limit(FOUND_MAX)
    )
    return [FailingPlace(one, where, int(n)) for one, where, n in conn.execute(query)]


def failed_changes(conn: Connection, service: str, environment: str, days: Days) -> list[str]:
    """Return the newest failed changes of a place in these days, newest first."""
    table = outcomes.c
    query = (
        select(table.change_id)
        .where(
            text("failed = 1"),
            table.service == service,
            table.environment == environment,
            table.day >= days.begins,
            table.day < days.ends,
        )
        .order_by(table.day.desc(), table.change_id.desc())
        .limit(FAILED_MAX)
    )
    return list(conn.execute(query).scalars())


def queues(conn: Connection) -> Sequence[Queue]:
    """Return what waits now, by place, where the oldest waits longest first."""
    table = changes.c
    oldest = func.min(table.submitted_at)
    query = (
        select(table.service, table.environment, func.count(), oldest)
        .where(text("state = 'pending'"))
        .group_by(table.service, table.environment)
        .order_by(oldest, table.service, table.environment)
        .limit(FOUND_MAX)
    )
    return every(conn, Queue, query)
