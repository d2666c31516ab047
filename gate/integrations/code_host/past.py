"""A deployment as a code host remembers it."""

from dataclasses import dataclass
from datetime import datetime

from gate.core.change import Result


@dataclass(frozen=True, slots=True)
class Ended:
    """One that has ended.

    `key` is its number at the host; `ref` is where it came from, as the host writes it.
    """

    key: str
    # In the words of the host. Only what the catalogue has under this name is ever kept.
    environment: str
    commit: str
    ref: str | None
    began_at: datetime
    ended_at: datetime
    result: Result


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of the host's list. `ended` None: it is known, goes on, or was no deployment."""

    key: str
    is_known: bool
    ended: Ended | None
