"""How deployments ended: every report that said something new, numbered per change, and the result
of the change that follows from them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from gate.core.change import FAILED_RESULTS, Result, State
from gate.core.kinds import ChangedFiles
from gate.storage.changes import paths, similar
from gate.storage.database.tx import Tx
from gate.storage.database.values import values_of
from gate.storage.tables.schema import changes, closures
from gate.storage.tables.stored_change import StoredChange


@dataclass(frozen=True, slots=True)
class Report:
    """A report about the end of a deployment. `notes` is the id of a text, or empty."""

    caller: str
    result: Result
    notes: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Closure:
    """One report as it is kept. With `matched` False it is about a change never admitted."""

    number: int
    at: datetime
    report: Report
    matched: bool


class Closing(StrEnum):
    """The effect of a report on the change."""

    CLOSED = "closed"
    # It was closed with a better result.
    WORSENED = "worsened"
    # It was closed with this result, or a worse one: nothing is written.
    UNCHANGED = "unchanged"
    # It was never admitted: the report is kept, the change is as it was.
    UNMATCHED = "unmatched"
    # It is no longer what was read: read it again.
    OVERTAKEN = "overtaken"


def close(tx: Tx, change: StoredChange, report: Report, files: ChangedFiles) -> Closing:
    """Take one report, and return what it did to the change.

    A result is only ever made worse, because a late success must not hide a failure. The first
    failure is counted once, for the place and for these `files`.
    """
    if change.admitted_at is None:
        _add(tx, change.id, report, matched=False)
        return Closing.UNMATCHED
    if change.result is not None and not _is_worse(report.result, change.result):
        return Closing.UNCHANGED
    failed_now = report.result in FAILED_RESULTS and not change.failed
    if not _set(tx, change, report.result, failed_now=failed_now):
        return Closing.OVERTAKEN
    _add(tx, change.id, report, matched=True)
    if failed_now:
        paths.count_failure(tx, change.service, change.environment, files.paths)
        similar.add_failures(tx, change, files.kinds, 1)
    return Closing.CLOSED if change.result is None else Closing.WORSENED


def of_changes(conn: Connection, wanted: Collection[str]) -> dict[str, tuple[Closure, ...]]:
    """Return for each of these changes all reports about it, first to last."""
    found: dict[str, list[Closure]] = {change: [] for change in wanted}
    if found:
        query = select(closures).where(closures.c.change_id.in_(list(found)))
        for row in conn.execute(query.order_by(closures.c.number)):
            found[row.change_id].append(_closure(row))
    return {change: tuple(reports) for change, reports in found.items()}


def _closure(row: Row[Any]) -> Closure:
    return Closure(
        number=row.number,
        at=row.at,
        report=Report(row.caller, row.result, row.notes, row.started_at, row.finished_at),
        matched=row.matched,
    )


def _is_worse(result: Result, than: Result) -> bool:
    # `Result` lists its members from the best to the worst.
    order = list(Result)
    return order.index(result) > order.index(than)


def _set(tx: Tx, change: StoredChange, result: Result, *, failed_now: bool) -> bool:
    """Set the result if the row still says what was read. False: another report was first.

    State, result and failure are all compared, so that two reports at once count a failure once.
    """
    values: dict[str, object] = {"state": State.CLOSED, "result": result}
    if change.closed_at is None:
        values |= {"closed_at": tx.now, "ended_at": tx.now}
    if failed_now:
        values |= {"failed": True, "failed_at": tx.now}
    stands = State.DEPLOYING if change.result is None else State.CLOSED
    unchanged = (
        changes.c.state == stands,
        changes.c.result.is_not_distinct_from(change.result),
        changes.c.failed == change.failed,
    )
    statement = update(changes).where(changes.c.id == change.id, *unchanged).values(values)
    if tx.conn.execute(statement).rowcount != 1:
        return False
    tx.touch(change.id)
    return True


def _add(tx: Tx, change: str, report: Report, *, matched: bool) -> None:
    highest = tx.conn.execute(
        select(func.max(closures.c.number)).where(closures.c.change_id == change)
    ).scalar()
    row = {"change_id": change, "number": (highest or 0) + 1, "at": tx.now, "matched": matched}
    tx.conn.execute(insert(closures).values(row | values_of(report)))
