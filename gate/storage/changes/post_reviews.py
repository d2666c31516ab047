"""What an emergency leaves behind: a review that is due, and what it found."""

from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gate.core.instants import from_us, optional_instant, to_us
from gate.storage.database.tx import Tx
from gate.storage.tables.schema import post_reviews

OVERDUE_MAX = 1_000
"""How many overdue reviews are looked at; more of them stop as much."""


@dataclass(frozen=True, slots=True)
class PostReview:
    """A review that is due or done. Texts are ids."""

    change: str
    due_at: datetime
    owners: tuple[str, ...]
    done_at: datetime | None
    person: str | None


@dataclass(frozen=True, slots=True)
class Findings:
    """What the review says; every field is an id of a text."""

    findings: str
    actions: tuple[str, ...]
    comment: str


def owe(tx: Tx, change: str, due_at: datetime, owners: tuple[str, ...]) -> None:
    """The review is due from now on; for a change that owes one already nothing changes."""
    insert = postgresql.insert if tx.is_postgres else sqlite.insert
    row = {
        "change_id": change,
        "due_at": to_us(due_at),
        "owners": orjson.dumps(sorted(owners)).decode(),
    }
    tx.conn.execute(insert(post_reviews).values(row).on_conflict_do_nothing())


def read(conn: Connection, change: str) -> PostReview | None:
    """The review of a change, due or done."""
    row = conn.execute(select(post_reviews).where(post_reviews.c.change_id == change)).first()
    if row is None:
        return None
    return PostReview(
        row.change_id,
        from_us(row.due_at),
        tuple(orjson.loads(row.owners)),
        optional_instant(row.done_at),
        row.person,
    )


def settle(tx: Tx, change: str, person: str, said: Findings) -> bool:
    """The review was held. False: somebody was first."""
    here = post_reviews.c
    values = {
        "done_at": to_us(tx.now),
        "person": person,
        "findings": said.findings,
        "actions": orjson.dumps(said.actions).decode(),
        "comment": said.comment,
    }
    statement = (
        update(post_reviews).where(here.change_id == change, here.done_at.is_(None)).values(values)
    )
    return tx.conn.execute(statement).rowcount == 1


def overdue(conn: Connection, now: datetime) -> tuple[frozenset[str], ...]:
    """The owners of each review that is overdue.

    Every decision asks this, so it goes to the driver as it is.
    """
    cursor = conn.connection.cursor()
    try:
        cursor.execute(_OVERDUE[conn.dialect.name], (to_us(now),))
        return tuple(frozenset(orjson.loads(owners)) for (owners,) in cursor.fetchall())
    finally:
        cursor.close()


_TEMPLATE = "SELECT owners FROM post_reviews WHERE done_at IS NULL AND due_at <= {at} LIMIT {limit}"
_OVERDUE = {
    "sqlite": _TEMPLATE.format(at="?", limit=OVERDUE_MAX),
    "postgresql": _TEMPLATE.format(at="%s", limit=OVERDUE_MAX),
}
