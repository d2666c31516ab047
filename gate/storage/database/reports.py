"""Reports of the database's threads on what an operator must know."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

Wrote: TypeAlias = Callable[[int, int, float], None]
"""Called after each commit: how many calls shared it, how many wait, and how many seconds the
database took for it."""

Lasts: TypeAlias = Callable[[str, BaseException], None]
"""Called with a place and an error each time something fails; that may be many times a second."""

Over: TypeAlias = Callable[[str], None]
"""Called with a place when it works again."""

WRITER, READER, LISTENER = "database writer", "database reader", "database listener"
"""The places where something may fail."""


@dataclass(frozen=True, slots=True)
class Reports:
    """Called from the threads of the database, so each must be quick and safe from any thread."""

    wrote: Wrote
    lasts: Lasts
    over: Over


NOBODY_LISTENS = Reports(
    wrote=lambda _calls, _waiting, _seconds: None,
    lasts=lambda _where, _error: None,
    over=lambda _where: None,
)
"""Reports for programs that are no server. Their caller gets the error, and nobody else needs
it."""
