"""The decisions of a change, with the bytes that were hashed."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from gate.core.decision.values import Band, ChangeType, Outcome, Route
from gate.storage.database.pages import Page, Part, page
from gate.storage.database.values import first, reader
from gate.storage.tables.columns import among
from gate.storage.tables.schema import decisions

KEYS = (decisions.c.number,)


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """One row, never changed.

    `record` is what `record_sha256` is the hash of; `core.decision.record.read` reads it.
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


def decision_page(conn: Connection, change: str, part: Part) -> Page[StoredDecision]:
    """Return one page of the decisions of a change, newest first."""
    found = _QUERY.where(decisions.c.change_id == change)
    return page(conn, [found], KEYS, part, reader(StoredDecision), decisions.c.at)


def read(conn: Connection, change: str, number: int) -> StoredDecision | None:
    """Return one decision of a change, or None."""
    one = _QUERY.where(decisions.c.change_id == change, decisions.c.number == number)
    return first(conn, StoredDecision, one)


def record(conn: Connection, change: str, number: int) -> bytes:
    """Return the bytes of a decision that the row of a change names.

    It raises where there is none, because decisions are never deleted.
    """
    query = select(decisions.c.record).where(
        decisions.c.change_id == change, decisions.c.number == number
    )
    found: bytes = conn.execute(query).scalar_one()
    return found


def records(conn: Connection, wanted: Collection[tuple[str, int]]) -> dict[str, bytes]:
    """Return the bytes of one decision of each of these changes, by the change.

    It raises where one is missing, because decisions are never deleted.
    """
    if not wanted:
        return {}
    these = among((decisions.c.change_id, decisions.c.number), list(wanted))
    query = select(decisions.c.change_id, decisions.c.record).where(these)
    found: dict[str, bytes] = {row.change_id: row.record for row in conn.execute(query)}
    missing = [change for change, _ in wanted if change not in found]
    if missing:
        raise LookupError(missing[0])
    return found


def newest_records(conn: Connection, limit: int) -> list[bytes]:
    """Return the records of the newest decisions of all changes, newest first."""
    query = select(decisions.c.record).order_by(decisions.c.id.desc()).limit(limit)
    return list(conn.execute(query).scalars())


_QUERY = select(*decisions.columns[1:])
"""All columns but the number of the row, in the order of the fields of `StoredDecision`."""
