"""Deployments that other systems saw: the admissions to which they belong, and those that belong to
none.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, select, text

from gate.core.change import Repository, Result
from gate.core.instants import to_us
from gate.core.messages.reports import DeploymentReport
from gate.storage.changes.changes import every
from gate.storage.database.pages import Page, Part, page
from gate.storage.database.tx import Tx
from gate.storage.database.upsert import upsert
from gate.storage.tables.schema import ADMITTED, changes
from gate.storage.tables.schema_hooks import deployments_seen
from gate.storage.tables.stored_change import StoredChange

LOOKED_BACK_MAX = 200
"""The most admitted changes of a place that are compared with what was seen."""

KEYS = (deployments_seen.c.at, deployments_seen.c.id)
_S = deployments_seen.c


class Missing(StrEnum):
    """What would have explained a deployment. If several things are missing, the first one is
    named.
    """

    # No service of the catalogue lists where it came from, or several do.
    REPOSITORY = "repository"
    # The catalogue lacks the service.
    SERVICE = "service"
    # The catalogue lacks the environment.
    ENVIRONMENT = "environment"
    # Nothing like it was admitted there.
    ADMISSION = "admission"
    # It was submitted and not approved, and it failed, so most likely the gate stopped it.
    APPROVAL = "approval"


@dataclass(frozen=True, slots=True)
class Sighting:
    """A deployment that went past the gate. `service` None: nobody knows whose it is."""

    id: str
    source: str
    url: str
    missing: Missing
    repository: Repository | None
    service: str | None
    environment: str
    commit: str | None
    digests: tuple[str, ...]
    result: Result | None
    at: datetime
    first_at: datetime


@dataclass(frozen=True, slots=True)
class SightingFilters:
    """The filters of sightings. The times are about when they were seen last.

    None is any, but a `missing` of None leaves out `APPROVAL`.
    """

    service: str | None = None
    environment: str | None = None
    source: str | None = None
    missing: Missing | None = None


def admitted(
    conn: Connection, seen: DeploymentReport, before: datetime
) -> tuple[StoredChange, ...]:
    """Return the changes of the place that were admitted before this instant, newest first."""
    return _admitted(conn, _here(seen), before)


def admitted_commit(
    conn: Connection, seen: DeploymentReport, before: datetime
) -> tuple[StoredChange, ...]:
    """Return admitted changes of the place with this very commit, however old."""
    return _admitted(conn, (*_here(seen), changes.c.commit_sha == seen.commit), before)


def has_asked(conn: Connection, seen: DeploymentReport, since: datetime) -> bool:
    """Return whether a change of this very commit was submitted for its place since then.

    It counts however it was decided.
    """
    column = changes.c
    asked = select(column.id).where(
        *_here(seen), column.commit_sha == seen.commit, column.submitted_at >= since
    )
    return conn.execute(asked.limit(1)).first() is not None


def add(tx: Tx, seen: DeploymentReport, result: Result, missing: Missing) -> bool:
    """Store a deployment that belongs to no admission.

    A deployment that is seen again keeps its row. Returns False if nothing is newly missing. A
    deployment that went past the gate stays one, even if its job later says that it failed.
    """
    known = tx.conn.execute(select(_S.missing).where(_S.id == _identity(seen))).scalar()
    if known is not None and missing is Missing.APPROVAL:
        missing = Missing(known)
    row = {
        "id": _identity(seen),
        "source": seen.source,
        "url": seen.url,
        "missing": missing.value,
        "repository_issuer": seen.repository and seen.repository.issuer,
        "repository_id": seen.repository and seen.repository.id,
        "repository_name": seen.repository and seen.repository.name,
        "service": seen.service or None,
        "environment": seen.environment,
        "commit_sha": seen.commit,
        "digests": seen.digests,
        "result": result,
        "at": seen.at,
        "first_at": seen.at,
    }
    newer = ("at", "result", "missing")
    is_written = upsert(tx, deployments_seen, row, only=newer, where=_S.at <= seen.at)
    return is_written and known != missing.value


def sighting_page(conn: Connection, filters: SightingFilters, part: Part) -> Page[Sighting]:
    """Return one page by (`at`, `id`), newest first."""
    equal = {
        _S.service: filters.service,
        _S.environment: filters.environment,
        _S.source: filters.source,
        _S.missing: filters.missing and filters.missing.value,
    }
    wanted = [column == value for column, value in equal.items() if value is not None]
    if filters.missing is None:
        wanted.append(_S.missing != Missing.APPROVAL.value)
    found = select(deployments_seen).where(*wanted)
    return page(conn, [found], KEYS, part, _sighting)


def _here(seen: DeploymentReport) -> tuple[ColumnElement[bool], ...]:
    return changes.c.service == seen.service, changes.c.environment == seen.environment


def _admitted(
    conn: Connection, wanted: tuple[ColumnElement[bool], ...], before: datetime
) -> tuple[StoredChange, ...]:
    query = select(changes).where(*wanted, text(ADMITTED), changes.c.admitted_at <= before)
    newest = query.order_by(changes.c.admitted_at.desc(), changes.c.id.desc())
    return every(conn, newest.limit(LOOKED_BACK_MAX))


def _identity(seen: DeploymentReport) -> str:
    """Return the identity of a deployment, which all reports about it have in common.

    If the source gives an address, that distinguishes it from others, and not the time.
    """
    repository = seen.repository and [seen.repository.issuer, seen.repository.id]
    where = [
        seen.source,
        seen.url,
        repository,
        seen.service,
        seen.environment,
        seen.commit,
        seen.digests,
    ]
    return hashlib.sha256(orjson.dumps([*where, None if seen.url else to_us(seen.at)])).hexdigest()


def _sighting(row: Row[Any]) -> Sighting:
    repository = None
    if row.repository_id is not None:
        repository = Repository(row.repository_issuer, row.repository_id, row.repository_name or "")
    return Sighting(
        id=row.id,
        source=row.source,
        url=row.url,
        missing=Missing(row.missing),
        repository=repository,
        service=row.service,
        environment=row.environment,
        commit=row.commit_sha,
        digests=row.digests,
        result=row.result,
        at=row.at,
        first_at=row.first_at,
    )
