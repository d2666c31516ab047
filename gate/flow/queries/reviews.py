"""The reviews after emergencies that nobody has held yet."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from gate.flow.answers.story import DueAnswer
from gate.flow.changes.known import know_existing
from gate.flow.gate import Gate
from gate.storage.changes import post_reviews
from gate.storage.changes.post_reviews import PostReview


async def due(gate: Gate) -> Sequence[DueAnswer]:
    """Return the reviews that nobody has held yet, the one that is due first in front."""
    await gate.rulebooks.current()
    return await gate.store.read(_due, gate)


def due_answers(conn: Connection, gate: Gate, owed: Iterable[PostReview]) -> tuple[DueAnswer, ...]:
    """Return these reviews as they are shown, each with its change."""
    now, found = gate.clock(), []
    for one in owed:
        change = know_existing(conn, gate.rulebooks, one.change).answer(now, gate.base_url)
        found.append(DueAnswer(change, one.due_at, one.owners))
    return tuple(found)


def _due(conn: Connection, gate: Gate) -> tuple[DueAnswer, ...]:
    return due_answers(conn, gate, post_reviews.due(conn))
