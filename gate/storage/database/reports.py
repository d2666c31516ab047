"""Whom the threads of the database tell what an operator must know."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

Wrote: TypeAlias = Callable[[int, int], None]
"""Called after each commit: how many calls shared it, and how many wait."""

Lasts: TypeAlias = Callable[[str, BaseException], None]
"""Called each time something fails there; the same trouble may come many times a second."""

Over: TypeAlias = Callable[[str], None]
"""Called when it works there again."""

WRITER, READER, LISTENER = "database writer", "database reader", "database listener"
"""Where something may fail."""


@dataclass(frozen=True, slots=True)
class Reports:
    """Called from the threads of the database, so each must be quick and safe from any thread."""

    wrote: Wrote
    lasts: Lasts
    over: Over


NOBODY_LISTENS = Reports(
    wrote=lambda _calls, _waiting: None, lasts=lambda _where, _error: None, over=lambda _where: None
)
"""For programs that are no server: whoever asked gets the error, and that is all."""
