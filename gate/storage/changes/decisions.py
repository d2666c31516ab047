"""The decisions of a change, with the bytes that were hashed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from gate.core.decision.values import Band, ChangeType, Outcome, Route
from gate.core.instants import from_us
from gate.storage.database.pages import Page, Part, between, page
from gate.storage.tables.schema import decisions

KEYS = (decisions.c.number,)


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """One row, never changed.

    `record` is what `record_sha256` is the hash of; `core.record.read` reads it.
    """

    change: str
    number: int
    at: datetime
    service: str
    environment: str
    type: ChangeType
    route: Route
    outcome: Outcome
    band: Band
    score: int
    policy: str | None
    revision: str
    standard_change: str | None
    subject_digest: str
    record: bytes
    record_sha256: str
    running_change: str | None


@dataclass(frozen=True, slots=True)
class DecisionQuery:
    """Which decisions of a change, by when they were made."""

    change: str
    begins: datetime | None = None  # inside
    ends: datetime | None = None  # outside


def decision_page(conn: Connection, query: DecisionQuery, part: Part) -> Page[StoredDecision]:
    """One page of the decisions of a change, newest first."""
    when = between(decisions.c.at, query.begins, query.ends)
    found = _QUERY.where(decisions.c.change_id == query.change, *when)
    return page(conn, [found], KEYS, part, _decision)


def read(conn: Connection, change: str, number: int) -> StoredDecision | None:
    """One of them."""
    row = conn.execute(
        _QUERY.where(decisions.c.change_id == change, decisions.c.number == number)
    ).first()
    return None if row is None else _decision(row)


def record(conn: Connection, change: str, number: int) -> bytes:
    """The bytes alone, of a decision that a row of a change names: that there is none would be a
    bug, and fails.
    """
    query = select(decisions.c.record).where(
        decisions.c.change_id == change, decisions.c.number == number
    )
    return bytes(conn.execute(query).scalar_one())


def _decision(row: Iterable[Any]) -> StoredDecision:
    change, number, at, service, environment, type_, route, outcome, band, score, *rest = row
    policy, revision, standard_change, subject_digest, content, sha256, running_change = rest
    return StoredDecision(
        change=change,
        number=number,
        at=from_us(at),
        service=service,
        environment=environment,
        type=ChangeType(type_),
        route=Route(route),
        outcome=Outcome(outcome),
        band=Band(band),
        score=score,
        policy=policy,
        revision=revision,
        standard_change=standard_change,
        subject_digest=subject_digest,
        record=bytes(content),
        record_sha256=sha256,
        running_change=running_change,
    )


_QUERY = select(*[column for column in decisions.columns if column.name != "id"])
