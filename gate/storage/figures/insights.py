"""How long people take to decide, and how deployments ended to which a rule gave points."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, TextClause, func, select, text

from gate.storage.tables.columns import as_stored
from gate.storage.tables.schema import PEOPLES_ROUTES, REVIEWED, approvals, changes
from gate.storage.tables.schema_delivery import delivery_rules, delivery_totals

REVIEWS_MAX = 200
"""The most reviewed changes from which the time to a decision is computed, newest first."""

PLACES_MAX = 20
_US = 1_000_000


class RulePlace(NamedTuple):
    """The deployments of one place to which a rule gave points, and how many failed."""

    service: str
    environment: str
    deployments: int
    failed: int


def seconds_to_last_word(conn: Connection, service: str, environment: str) -> list[int]:
    """Return the seconds from submission to the last approval or rejection by a person, for the
    newest changes of the place that people reviewed.
    """
    here = (changes.c.service == service, changes.c.environment == environment, text(REVIEWED))
    return _seconds_to_last_word(conn, here)


def seconds_to_last_word_anywhere(conn: Connection) -> list[int]:
    """Return the same seconds for the newest changes of all places that people reviewed."""
    # The index of reviewed changes is by place. In this form the condition leads nobody to it.
    return _seconds_to_last_word(conn, (changes.c.route.in_(PEOPLES_ROUTES),))


def _seconds_to_last_word(
    conn: Connection, where: Iterable[ColumnElement[bool] | TextClause]
) -> list[int]:
    reviewed = (
        select(changes.c.id, as_stored(changes.c.submitted_at))
        .where(*where)
        .order_by(changes.c.submitted_at.desc(), changes.c.id.desc())
        .limit(REVIEWS_MAX)
        .subquery()
    )
    spent = func.max(as_stored(approvals.c.at)) - reviewed.c.submitted_at
    query = (
        select(spent)
        .join(approvals, approvals.c.change_id == reviewed.c.id)
        .group_by(reviewed.c.id, reviewed.c.submitted_at)
    )
    return [int(one) // _US for one in conn.execute(query).scalars()]


def rule_places(conn: Connection, rule: str, since_day: int) -> tuple[RulePlace, ...]:
    """Return the places of a rule, those with most deployments first. `rule` is `policy/rule`."""
    table = delivery_rules.c
    deployments = func.sum(table.deployments)
    query = (
        select(table.service, table.environment, deployments, func.sum(table.failed))
        .where(table.rule == rule, table.day >= since_day)
        .group_by(table.service, table.environment)
        .order_by(deployments.desc(), table.service, table.environment)
        .limit(PLACES_MAX)
    )
    rows = conn.execute(query)
    return tuple(
        RulePlace(service, environment, int(some), int(failed))
        for service, environment, some, failed in rows
    )


def busiest_place(conn: Connection, since_day: int) -> tuple[str, str] | None:
    """Return the service and environment with most deployments since that day, or None if there are
    none.
    """
    table = delivery_totals.c
    query = (
        select(table.service, table.environment)
        .where(table.day >= since_day)
        .group_by(table.service, table.environment)
        .order_by(func.sum(table.deployments).desc(), table.service, table.environment)
        .limit(1)
    )
    row = conn.execute(query).first()
    return None if row is None else (row.service, row.environment)
