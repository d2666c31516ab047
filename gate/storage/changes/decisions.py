"""The decisions of a change, with the bytes that were hashed."""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, select

from gate.storage.database.pages import Page, Part, page
from gate.storage.database.values import reader
from gate.storage.tables.columns import among
from gate.storage.tables.schema import decisions

KEYS = (decisions.c.number,)


class NumberedRecord(NamedTuple):
    """One decision of a change, as `core.decision.record.read` reads it."""

    number: int
    record: bytes


def decision_page(conn: Connection, change: str, part: Part) -> Page[NumberedRecord]:
    """Return one page of the decisions of a change, newest first."""
    columns = (decisions.c.number, decisions.c.record)
    found = select(*columns).where(decisions.c.change_id == change)
    return page(conn, [found], KEYS, part, reader(NumberedRecord), decisions.c.at)


def read(conn: Connection, change: str, number: int) -> bytes | None:
    """Return the bytes of one decision of a change, or None."""
    found: bytes | None = conn.execute(_record(change, number)).scalar()
    return found


def record(conn: Connection, change: str, number: int) -> bytes:
    """Return the bytes of a decision that the row of a change names.

    It raises where there is none, because decisions are never deleted.
    """
    found: bytes = conn.execute(_record(change, number)).scalar_one()
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


def _record(change: str, number: int) -> Select[Any]:
    return select(decisions.c.record).where(
        decisions.c.change_id == change, decisions.c.number == number
    )
