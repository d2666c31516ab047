"""The issue that an item of the register follows: one for each item, at most."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, select, text, update

from gate.core.learning.issues import Issue, IssueState, TrackerName
from gate.storage.database.tx import Tx
from gate.storage.database.upsert import insert_new
from gate.storage.database.values import every, values_of
from gate.storage.tables.schema_learning import improvement_issues
from gate.storage.tables.schema_work import outbox

DUE_MAX = 20
"""So many issues are read again in one turn."""

ERROR_LENGTH_MAX = 500

_I = improvement_issues.c
_LOOKED_AT = text("look_at IS NOT NULL")


@dataclass(frozen=True, slots=True)
class FollowedIssue:
    """The issue of one item.

    `mark` is empty and `message` None where a person named an issue that there was. `number` is
    None until the issue is opened. `look_at` is None once it is read no more.
    """

    improvement: str
    tracker: TrackerName
    issuer: str
    repository: int
    place: str
    asked_at: datetime
    mark: str = ""
    message: str | None = None
    number: str | None = None
    url: str | None = None
    state: IssueState = IssueState.ASKED
    seen_at: datetime | None = None
    look_at: datetime | None = None
    error: str | None = None


_COLUMNS = tuple(improvement_issues.c[field.name] for field in fields(FollowedIssue))


def of_items(conn: Connection, items: Collection[str]) -> Mapping[str, FollowedIssue]:
    """Return the issues of these items by their ids, with why one could not be opened yet.

    Whether its message was given up is read from the outbox, because an admin may have it sent
    again there.
    """
    query = (
        select(*_COLUMNS, outbox.c.id, outbox.c.dead_at, outbox.c.delivered_at, outbox.c.error)
        .outerjoin(outbox, outbox.c.id == _I.message)
        .where(_I.improvement.in_(items))
    )
    return {row.improvement: _with_message(tuple(row)) for row in conn.execute(query)}


def _with_message(row: tuple[Any, ...]) -> FollowedIssue:
    *own, message, dead_at, delivered_at, error = row
    found = FollowedIssue(*own)
    if found.state is not IssueState.ASKED:
        return found
    # A dead message is deleted in the end. One that was delivered and opened nothing found its item
    # closed.
    given_up = message is None or dead_at is not None or delivered_at is not None
    return replace(found, state=IssueState.NOT_OPENED if given_up else found.state, error=error)


def follow(tx: Tx, followed: FollowedIssue, before: FollowedIssue | None) -> bool:
    """Keep the issue of an item in place of the one `before`. False: that has changed meanwhile."""
    if before is None:
        return insert_new(tx, improvement_issues, values_of(followed))
    statement = (
        update(improvement_issues)
        .where(
            _I.improvement == followed.improvement,
            _I.message.is_not_distinct_from(before.message),
            _I.number.is_not_distinct_from(before.number),
        )
        .values(values_of(followed))
    )
    return tx.conn.execute(statement).rowcount == 1


def opened(tx: Tx, followed: FollowedIssue, issue: Issue, look_at: datetime | None) -> bool:
    """Keep the issue that this message has opened; `look_at` is None if it is read no more. False:
    it is kept already.
    """
    statement = (
        update(improvement_issues)
        .where(
            _I.improvement == followed.improvement,
            _I.message == followed.message,
            _I.number.is_(None),
        )
        .values(**_described(issue), seen_at=tx.now, look_at=look_at, error=None)
    )
    return tx.conn.execute(statement).rowcount == 1


def due(conn: Connection, now: datetime) -> Sequence[FollowedIssue]:
    """Return the issues that are to be read again, the one that waits longest first."""
    query = select(*_COLUMNS).where(_LOOKED_AT, _I.look_at <= now)
    return every(conn, FollowedIssue, query.order_by(_I.look_at).limit(DUE_MAX))


def seen(tx: Tx, followed: FollowedIssue, issue: Issue | None, look_at: datetime) -> None:
    """Keep an issue as it was read; None is one that is not there."""
    known = _described(issue) if issue is not None else {"state": IssueState.GONE}
    tx.conn.execute(
        update(improvement_issues)
        .where(_same(followed))
        .values(**known, seen_at=tx.now, look_at=look_at, error=None)
    )


def not_seen(tx: Tx, followed: FollowedIssue, error: str, look_at: datetime) -> None:
    """Keep why an issue could not be read; what was read of it before stays."""
    tx.conn.execute(
        update(improvement_issues)
        .where(_same(followed))
        .values(look_at=look_at, error=error[:ERROR_LENGTH_MAX])
    )


def look_soon(tx: Tx, issuer: str, repository: int, number: str) -> None:
    """Have an issue read again in the next turn, for every item that follows it."""
    statement = (
        update(improvement_issues)
        .where(_at(issuer, repository, number), _LOOKED_AT, _I.look_at > tx.now)
        .values(look_at=tx.now)
    )
    tx.conn.execute(statement)


def is_followed(conn: Connection, issuer: str, repository: int, number: str) -> bool:
    """Whether an item that is not closed follows this issue."""
    query: Select[Any] = select(exists().where(_at(issuer, repository, number), _LOOKED_AT))
    return bool(conn.execute(query).scalar_one())


def stop(tx: Tx, improvement: str) -> None:
    """Read the issue of an item no more, because the item is closed."""
    statement = update(improvement_issues).where(_I.improvement == improvement)
    tx.conn.execute(statement.values(look_at=None))


def _described(issue: Issue) -> dict[str, Any]:
    return {"number": issue.number, "url": issue.url, "state": issue.state}


def _same(followed: FollowedIssue) -> ColumnElement[bool]:
    """The row, as long as the item follows the same issue and is not closed."""
    return (
        (_I.improvement == followed.improvement)
        & (_I.tracker == followed.tracker)
        & _at(followed.issuer, followed.repository, followed.number or "")
        & _I.look_at.is_not(None)
    )


def _at(issuer: str, repository: int, number: str) -> ColumnElement[bool]:
    return (_I.issuer == issuer) & (_I.repository == repository) & (_I.number == number)
