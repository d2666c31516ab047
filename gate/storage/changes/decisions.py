"""The decisions of a change, with the bytes that were hashed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from gate.core.decision.values import Band, ChangeType, Outcome, Route
from gate.core.instants import from_us
from gate.storage.tables.schema import decisions

DECISIONS_LISTED_MAX = 1_000
"""How many decisions of one change are read at once; the newest are."""


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """One row, never changed. `record` is what `record_sha256` is the hash of; `core.record.read` reads it."""

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


def of_change(conn: Connection, change: str) -> tuple[StoredDecision, ...]:
    """All decisions of a change, newest first."""
    query = _QUERY.where(decisions.c.change_id == change).order_by(decisions.c.number.desc()).limit(DECISIONS_LISTED_MAX)
    return tuple(map(_decision, conn.execute(query)))


def read(conn: Connection, change: str, number: int) -> StoredDecision | None:
    """One of them."""
    row = conn.execute(_QUERY.where(decisions.c.change_id == change, decisions.c.number == number)).first()
    return None if row is None else _decision(row)


def record(conn: Connection, change: str, number: int) -> bytes:
    """The bytes alone, of a decision that a row of a change names: that there is none would be a bug, and fails."""
    query = select(decisions.c.record).where(decisions.c.change_id == change, decisions.c.number == number)
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
