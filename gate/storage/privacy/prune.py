"""Pruning of data that is older than it has to be kept. Records, entries and approvals are never
pruned, and of a pruned text they keep the digest.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, Table, delete, func, or_, select, text

from gate.core.decision import record as records
from gate.core.decision.asked import text_ids
from gate.storage import texts
from gate.storage.database.tx import Tx
from gate.storage.tables import schema
from gate.storage.tables.columns import Instant
from gate.storage.tables.schema_hooks import deployments_seen
from gate.storage.tables.schema_learning import measures
from gate.storage.tables.schema_past import past_deployments, past_incidents
from gate.storage.tables.schema_work import UNDELIVERED, outbox

CHANGES_AT_ONCE = 500
_C, _T = schema.changes.c, schema.texts.c


class Prunable(StrEnum):
    """The kinds of data that may be pruned."""

    # What people wrote about a change, counted from its end.
    TEXTS = "texts"
    # Deployments that other systems saw and no admission explains, counted from the last sight.
    SIGHTINGS = "sightings"
    # History from before the gate, counted from its end.
    IMPORTS = "imports"
    # What other systems measured, counted from when it was measured.
    MEASURES = "measures"


def count(conn: Connection, what: Prunable, before: datetime) -> int:
    """Return how many rows would be deleted."""
    if what is Prunable.TEXTS:
        return sum(len(ids) for _, ids in _old_texts(conn, before))
    return sum(
        conn.execute(select(func.count()).select_from(table).where(is_old)).scalar_one()
        for table, is_old in _old_rows(what, before)
    )


def prune(tx: Tx, what: Prunable, before: datetime) -> int:
    """Delete what ended before this instant, and return the number of rows."""
    if what is Prunable.TEXTS:
        old = list(_old_texts(tx.conn, before))
        return sum(texts.erase(tx, ids, changes) for changes, ids in old)
    return sum(
        tx.conn.execute(delete(table).where(is_old)).rowcount
        for table, is_old in _old_rows(what, before)
    )


def _old_rows(what: Prunable, before: datetime) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    if what is Prunable.SIGHTINGS:
        yield deployments_seen, deployments_seen.c.at < before
        return
    if what is Prunable.MEASURES:
        yield measures, measures.c.at < before
        return
    yield past_deployments, past_deployments.c.ended_at < before
    ended = func.coalesce(past_incidents.c.resolved_at, past_incidents.c.began_at, type_=Instant)
    yield past_incidents, ended < before


def _old_texts(conn: Connection, before: datetime) -> Iterator[tuple[list[str], list[str]]]:
    """Yield changes that ended before this instant, with the texts that belong to no one else.

    Names that several changes share stay, because they say who took part in later changes. A change
    that owes a review keeps its texts until the review is held, and one with a message that nobody
    got yet until that is delivered or given up, because messages go with the texts.
    """
    owed = select(schema.post_reviews.c.change_id).where(schema.post_reviews.c.done_at.is_(None))
    waiting = select(outbox.c.change_id).where(text(UNDELIVERED), outbox.c.change_id.is_not(None))
    ended = (
        select(_C.id)
        .where(_C.ended_at < before, _C.id.not_in(owed), _C.id.not_in(waiting))
        .order_by(_C.id)
    )
    after = ""
    while some := list(conn.execute(ended.where(_C.id > after).limit(CHANGES_AT_ONCE)).scalars()):
        after = some[-1]
        ids = sorted(_written(conn, some))
        found: list[str] = []
        for begin in range(0, len(ids), texts.IDS_A_STATEMENT_MAX):
            part = ids[begin : begin + texts.IDS_A_STATEMENT_MAX]
            own = select(_T.id).where(_T.id.in_(part), _T.name.is_(None))
            found += conn.execute(own).scalars()
        if found:
            yield some, found


def _written(conn: Connection, changes: list[str]) -> set[str]:
    """Return the id of every text that was written about these changes.

    A record holds other ids as well: the reason of a window belongs to the window, and a caller may
    claim that an artifact has the digest which is the id of a text of somebody else.
    """
    found: set[str] = set()
    decided = schema.decisions.c
    for record in conn.execute(select(decided.record).where(decided.change_id.in_(changes))):
        found.update(text_ids(records.read(record[0]).asked))
    for table, names in _SAID.items():
        columns = [table.c[name] for name in names]
        said = or_(*(column.is_not(None) for column in columns))
        query = select(*columns).where(table.c.change_id.in_(changes), said)
        for row in conn.execute(query):
            for one in row:
                found.update((one,) if isinstance(one, str) else one or ())
    return found


_SAID = {
    schema.approvals: ("comment",),
    schema.overrides: ("comment",),
    schema.closures: ("notes",),
    schema.notices: ("comment",),
    schema.post_reviews: ("findings", "actions", "comment"),
}
