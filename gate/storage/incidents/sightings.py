"""Deployments that other systems saw: to which admission they belong, and those that belong to none."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import ColumnElement, Connection, select, text
from sqlalchemy.dialects import postgresql, sqlite

from gate.core.change import Result
from gate.core.instants import from_us, to_us
from gate.core.messages.told import DeploymentSeen
from gate.storage.changes.changes import StoredChange, every
from gate.storage.database.pages import Page, Part, page
from gate.storage.database.tx import Tx
from gate.storage.tables.schema import ADMITTED, changes
from gate.storage.tables.schema_hooks import deployments_seen

LOOKED_BACK_MAX = 200
"""How many admitted changes of a place are compared with what was seen."""

KEYS = (deployments_seen.c.at, deployments_seen.c.id)
_S = deployments_seen.c


@dataclass(frozen=True, slots=True)
class Sighting:
    """A deployment that went past the gate."""

    id: str
    source: str
    url: str
    service: str
    environment: str
    commit: str | None
    digests: tuple[str, ...]
    result: Result | None
    at: datetime
    first_at: datetime


def admitted(conn: Connection, seen: DeploymentSeen, before: datetime) -> tuple[StoredChange, ...]:
    """The changes of its place that were admitted before then, newest first."""
    here: tuple[ColumnElement[bool], ...] = (changes.c.service == seen.service, changes.c.environment == seen.environment)
    query = select(changes).where(*here, text(ADMITTED), changes.c.admitted_at <= to_us(before))
    return every(conn, query.order_by(changes.c.admitted_at.desc(), changes.c.id.desc()).limit(LOOKED_BACK_MAX))


def admitted_commit(conn: Connection, seen: DeploymentSeen, before: datetime) -> tuple[StoredChange, ...]:
    """Those of the very commit, however long ago."""
    here = (changes.c.service == seen.service, changes.c.environment == seen.environment, changes.c.commit_sha == seen.commit)
    query = select(changes).where(*here, text(ADMITTED), changes.c.admitted_at <= to_us(before))
    return every(conn, query.order_by(changes.c.admitted_at.desc(), changes.c.id.desc()).limit(LOOKED_BACK_MAX))


def add(tx: Tx, seen: DeploymentSeen) -> None:
    """It belongs to no admission. Seen again, or its end seen, it is the same one."""
    identity = [seen.source, seen.url, seen.service, seen.environment, seen.commit, seen.digests]
    row = {
        "id": hashlib.sha256(orjson.dumps([*identity, None if seen.url else to_us(seen.at)])).hexdigest(),
        "source": seen.source,
        "url": seen.url,
        "service": seen.service,
        "environment": seen.environment,
        "commit_sha": seen.commit,
        "digests": orjson.dumps(seen.digests).decode(),
        "result": seen.result and seen.result.value,
        "at": to_us(seen.at),
        "first_at": to_us(seen.at),
    }
    insertion = (postgresql.insert if tx.is_postgres else sqlite.insert)(deployments_seen).values(row)
    newer = {"at": insertion.excluded.at, "result": insertion.excluded.result}
    tx.conn.execute(insertion.on_conflict_do_update(index_elements=["id"], set_=newer, where=_S.at <= insertion.excluded.at))


def unmatched(conn: Connection, part: Part) -> Page[Sighting]:
    """One page of them, newest first."""
    return page(
        conn,
        [select(deployments_seen)],
        KEYS,
        part,
        lambda row: Sighting(
            id=row.id,
            source=row.source,
            url=row.url,
            service=row.service,
            environment=row.environment,
            commit=row.commit_sha,
            digests=tuple(orjson.loads(row.digests)),
            result=Result(row.result) if row.result else None,
            at=from_us(row.at),
            first_at=from_us(row.first_at),
        ),
    )
