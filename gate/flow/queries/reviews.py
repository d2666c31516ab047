"""The reviews after emergencies that nobody has held yet."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from gate.flow.answers.story import DueAnswer
from gate.flow.changes.known import know
from gate.flow.gate import Gate
from gate.flow.rulebooks import Rulebooks
from gate.storage.changes import post_reviews


async def due(gate: Gate) -> Sequence[DueAnswer]:
    """Return the reviews that nobody has held yet, the one that is due first in front."""
    await gate.rulebooks.current()
    return await gate.store.read(_due, gate.rulebooks, gate.clock(), gate.base_url)


def _due(conn: Connection, books: Rulebooks, now: datetime, base_url: str) -> tuple[DueAnswer, ...]:
    found = [(one, know(conn, books, one.change)) for one in post_reviews.due(conn)]
    return tuple(
        DueAnswer(known.answer(now, base_url), one.due_at, one.owners)
        for one, known in found
        if known is not None
    )
