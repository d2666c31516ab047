"""What happened to a change, as it is told outside: the same bytes however often and however late
it is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """`data` is JSON made from what never changes: the subject, the entry of the ledger, one
    decision.
    """

    id: str
    """Of the message: the same at every attempt, another one for every receiver."""

    type: str
    """Such as `change.decided`; the list is in the reference of events."""

    at: datetime
    change: str
    data: Mapping[str, Any]
