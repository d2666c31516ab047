"""The reviews that emergencies owe, and their findings."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import Connection, select, update

from gate.core.instants import to_us
from gate.storage.database.hot import Hot
from gate.storage.database.tx import Tx
from gate.storage.database.upsert import insert_new
from gate.storage.database.values import every, first, values_of
from gate.storage.tables.schema import changes, post_reviews

_P = post_reviews.c
_COLUMNS = (_P.change_id, _P.due_at, _P.owners, _P.done_at, _P.person)
DUE_MAX = 200
"""The most due reviews that are listed for people."""

OVERDUE_MAX = 1_000
"""The most sets of owners that a decision reads, and the most reviews of each that are counted. One
overdue review already keeps changes of its owners from automatic approval, so a long list of
others' reviews must not hide it: therefore they are grouped before they are limited."""


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
    """The content of a review. Every field is the id of a text."""

    findings: str
    actions: tuple[str, ...]
    comment: str


def owe(tx: Tx, change: str, due_at: datetime, owners: tuple[str, ...]) -> None:
    """Keep that a change owes a review; nothing changes for one that owes a review already."""
    row = {"change_id": change, "due_at": due_at, "owners": sorted(owners)}
    insert_new(tx, post_reviews, row)


def read(conn: Connection, change: str) -> PostReview | None:
    """Return the review of a change, due or done, or None."""
    return first(conn, PostReview, select(*_COLUMNS).where(_P.change_id == change))


def settle(tx: Tx, change: str, person: str, said: Findings) -> bool:
    """Keep that the review was held. False: somebody else has held it first."""
    held = {"done_at": tx.now, "person": person, **values_of(said)}
    due = update(post_reviews).where(_P.change_id == change, _P.done_at.is_(None))
    return tx.conn.execute(due.values(held)).rowcount == 1


def overdue(conn: Connection, now: datetime) -> tuple[frozenset[str], ...]:
    """Return the owners of each review that is overdue. Every decision asks this."""
    return ask_overdue(conn, now)()


def ask_overdue(conn: Connection, now: datetime) -> Callable[[], tuple[frozenset[str], ...]]:
    """Ask for what `overdue` returns, to be read later."""
    found = _OVERDUE.ask(conn, to_us(now))
    return lambda: tuple(
        frozenset(orjson.loads(owners))
        for owners, count in found.fetchall()
        for _ in range(min(count, OVERDUE_MAX))
    )


def due(conn: Connection) -> tuple[PostReview, ...]:
    """Return the reviews that nobody has held yet, those that are due first in front."""
    query = select(*_COLUMNS).where(_P.done_at.is_(None)).order_by(_P.due_at, _P.change_id)
    return every(conn, PostReview, query.limit(DUE_MAX))


def due_of(conn: Connection, service: str) -> tuple[PostReview, ...]:
    """Return the reviews that changes of this service still owe, those that are due first in
    front.
    """
    query = (
        select(*_COLUMNS)
        .join(changes, changes.c.id == _P.change_id)
        .where(_P.done_at.is_(None), changes.c.service == service)
        .order_by(_P.due_at, _P.change_id)
    )
    return every(conn, PostReview, query.limit(DUE_MAX))


_OVERDUE = Hot(
    "SELECT owners, COUNT(*) FROM post_reviews "  # noqa: S608 - a number of our own
    f"WHERE done_at IS NULL AND due_at <= ? GROUP BY owners LIMIT {OVERDUE_MAX}"
)
