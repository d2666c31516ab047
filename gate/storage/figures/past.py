"""Imported deployments and incidents. `gate import` writes them. Only backtests and the report on
an observing gate read them.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, func, or_, select

from gate.core.change import FAILED_RESULTS
from gate.core.facts import Value
from gate.core.past import PastDeployment, PastFacts, PastIncident
from gate.storage.database.tx import Tx
from gate.storage.database.upsert import upsert
from gate.storage.tables.schema_past import past_deployments, past_incidents

DEPLOYMENTS_MAX = 500
"""The most deployments of one place that are read, newest first: a report replays all of them."""

UNMEASURED_MAX = 2_000

INCIDENTS_MAX = 1_000


def keep_deployments(tx: Tx, found: Iterable[PastDeployment], at: datetime) -> None:
    """Store these deployments, or correct those that are stored. Known facts stay."""
    for one in found:
        row = {
            "source": one.source,
            "key": one.key,
            "service": one.service,
            "environment": one.environment,
            "commit_sha": one.commit,
            "ref": one.ref,
            "began_at": one.began_at,
            "ended_at": one.ended_at,
            "result": one.result,
            "imported_at": at,
        }
        if one.facts is not None:
            row["facts"] = _written(one.facts)
        upsert(tx, past_deployments, row)


def keep_incidents(tx: Tx, found: Iterable[PastIncident], at: datetime) -> None:
    """Store these incidents, or correct those that are stored."""
    for one in found:
        row = {
            "source": one.source,
            "key": one.key,
            "service": one.service,
            "environment": one.environment,
            "began_at": one.began_at,
            "resolved_at": one.resolved_at,
            "imported_at": at,
        }
        upsert(tx, past_incidents, row)


def known_keys(conn: Connection, source: str) -> frozenset[str]:
    """Return the keys of the deployments that were imported from this source."""
    query = select(past_deployments.c.key).where(past_deployments.c.source == source)
    return frozenset(conn.execute(query).scalars())


def places(conn: Connection, limit: int) -> list[tuple[str, str]]:
    """Return the places with imported deployments, the one with the newest deployment first."""
    table = past_deployments.c
    newest = func.max(table.began_at)
    query = select(table.service, table.environment).group_by(table.service, table.environment)
    ordered = query.order_by(newest.desc(), table.service, table.environment).limit(limit)
    return [(row.service, row.environment) for row in conn.execute(ordered)]


def deployments(
    conn: Connection, service: str, environment: str, ends: datetime
) -> list[PastDeployment]:
    """Return the newest deployments of one place that began before this instant, oldest first."""
    table = past_deployments
    query = select(table).where(
        table.c.service == service, table.c.environment == environment, table.c.began_at < ends
    )
    newest = query.order_by(table.c.began_at.desc(), table.c.source, table.c.key)
    return [_deployment(row) for row in conn.execute(newest.limit(DEPLOYMENTS_MAX))][::-1]


def unmeasured(conn: Connection, source: str) -> list[tuple[PastDeployment, str | None]]:
    """Return the deployments of this source whose facts were not fetched yet, newest first.

    Each comes with the commit of the newest earlier successful deployment of its place, or None.
    """
    table, before = past_deployments, past_deployments.alias("before")
    ran = (
        select(before.c.commit_sha)
        .where(
            before.c.service == table.c.service,
            before.c.environment == table.c.environment,
            before.c.ended_at <= table.c.began_at,
            before.c.began_at < table.c.began_at,
            before.c.result.not_in(FAILED_RESULTS),
        )
        .order_by(before.c.began_at.desc(), before.c.source, before.c.key)
        .limit(1)
        .correlate(table)
        .scalar_subquery()
    )
    query = (
        select(table, ran.label("ran"))
        .where(table.c.source == source, table.c.facts.is_(None))
        .order_by(table.c.began_at.desc(), table.c.key)
        .limit(UNMEASURED_MAX)
    )
    return [(_deployment(row), row.ran) for row in conn.execute(query)]


def incidents(conn: Connection, service: str, environment: str) -> list[PastIncident]:
    """Return the newest incidents that may be of this place, newest first."""
    table = past_incidents
    here = or_(table.c.environment.is_(None), table.c.environment == environment)
    query = select(table).where(table.c.service == service, here)
    newest = query.order_by(table.c.began_at.desc(), table.c.source, table.c.key)
    return [
        PastIncident(
            row.source, row.key, row.service, row.environment, row.began_at, row.resolved_at
        )
        for row in conn.execute(newest.limit(INCIDENTS_MAX))
    ]


def _deployment(row: Row[Any]) -> PastDeployment:
    return PastDeployment(
        source=row.source,
        key=row.key,
        service=row.service,
        environment=row.environment,
        commit=row.commit_sha,
        ref=row.ref,
        began_at=row.began_at,
        ended_at=row.ended_at,
        result=row.result,
        facts=None if row.facts is None else _read(row.facts),
    )


def _written(facts: PastFacts) -> str:
    return orjson.dumps(
        {
            "verified": dict(facts.verified),
            "claimed": dict(facts.claimed),
            "named": facts.is_named,
            "confirmed": facts.is_confirmed,
        }
    ).decode()


def _read(text: str) -> PastFacts:
    raw = orjson.loads(text)
    return PastFacts(
        _values(raw["verified"]), _values(raw["claimed"]), raw["named"], raw["confirmed"]
    )


def _values(raw: Mapping[str, Any]) -> dict[str, Value]:
    return {name: tuple(one) if isinstance(one, list) else one for name, one in raw.items()}
