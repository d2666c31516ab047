"""Runs that a code host holds: the change of each, and the last report or answer to the host."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, insert, select, text, update

from gate.storage.database.tx import Tx
from gate.storage.database.values import every, values_of
from gate.storage.messages.outbox import queue_messages
from gate.storage.tables.schema_hosts import UNANSWERED, held_runs

SUPERSEDED = "run again"

_H = held_runs.c


@dataclass(frozen=True, slots=True)
class HeldRun:
    """One job of one attempt of a run that waits.

    `reference` is the id under which the host is answered, `reported` names the last report that
    was sent to it, and `reports` counts them.
    """

    issuer: str
    repository_id: int
    run_id: str
    attempt: int
    environment: str
    repository_name: str
    provider: str
    reference: str
    change_id: str | None
    reported: str = ""
    reports: int = 0


def add(tx: Tx, run: HeldRun) -> bool:
    """Add a run that waits; False if it is known already.

    Earlier attempts of the run are over, so nobody waits for their answer any more.
    """
    if tx.conn.execute(select(_H.run_id).where(_this(run))).first() is not None:
        return False
    earlier = and_(_place(run), _H.attempt < run.attempt, _H.answered_at.is_(None))
    tx.conn.execute(
        update(held_runs).where(earlier).values(answered_at=tx.now, reported=SUPERSEDED)
    )
    tx.conn.execute(insert(held_runs).values(values_of(run) | {"at": tx.now}))
    return True


def waiting(conn: Connection) -> Sequence[HeldRun]:
    """Return all runs without an answer; those that wait longest come first.

    There is no limit, because a run may wait for days: the first ones would keep all others from
    their answer.
    """
    query = select(*_COLUMNS).where(text(UNANSWERED)).order_by(_H.at)
    return every(conn, HeldRun, query)


def of_run(
    conn: Connection, issuer: str, repository_id: int, run_id: str, attempt: int
) -> Sequence[HeldRun]:
    """Return the jobs of a run, up to this attempt, that have no answer yet."""
    mine = and_(
        _H.issuer == issuer,
        _H.repository_id == repository_id,
        _H.run_id == run_id,
        _H.attempt <= attempt,
    )
    return every(conn, HeldRun, select(*_COLUMNS).where(mine, text(UNANSWERED)))


def queue_report(
    tx: Tx, run: HeldRun, reported: str, target: str, body: bytes, *, is_answer: bool
) -> bool:
    """Put a report or the answer to the host into the outbox; False if another process did so."""
    mine = and_(_this(run), _H.answered_at.is_(None), _H.reported == run.reported)
    values: dict[str, object] = {"reported": reported, "reports": run.reports + (not is_answer)}
    if is_answer:
        values["answered_at"] = tx.now
    if tx.conn.execute(update(held_runs).where(mine).values(**values)).rowcount != 1:
        return False
    queue_messages(tx, target, [(run.change_id, body)])
    return True


def drop(tx: Tx, run: HeldRun, reported: str) -> None:
    """Mark a run as answered without an answer, because nobody waits for one any more."""
    tx.conn.execute(
        update(held_runs)
        .where(_this(run), _H.answered_at.is_(None))
        .values(answered_at=tx.now, reported=reported)
    )


_COLUMNS = tuple(held_runs.c[name] for name in HeldRun.__slots__)


def _place(run: HeldRun) -> ColumnElement[bool]:
    same = (
        _H.issuer == run.issuer,
        _H.repository_id == run.repository_id,
        _H.run_id == run.run_id,
        _H.environment == run.environment,
    )
    return and_(*same)


def _this(run: HeldRun) -> ColumnElement[bool]:
    return and_(_place(run), _H.attempt == run.attempt)
