"""Outgoing messages: a message of the outbox, and the event that a webhook gets of it.

A receiver may get both more than once, because a delivery whose answer was lost is tried again. The
id and the bytes are then the same.
"""

from dataclasses import dataclass
from datetime import datetime

from gate.core.decision.values import Outcome


@dataclass(frozen=True, slots=True)
class Message:
    """One message for one target, such as `github:41` or `slack`.

    What stands before the colon is the kind of target. The message may arrive more than once,
    always under the same `id`, so a receiver that acts on it must act once for each id.
    """

    id: str
    target: str
    change_id: str | None
    body: bytes
    attempts: int
    """How often it was tried, this time included."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a change, for receivers outside.

    `data` is written as JSON, as it is. It is made only from what never changes: the subject, the
    ledger entry, one decision. So a later attempt sends the same bytes. The other fields are what
    another form of the event needs.
    """

    id: str
    """The id of the message: the same at every attempt, and another one for every receiver."""

    type: str
    """Such as `change.decided`; the reference of events lists them."""

    at: datetime
    change: str
    service: str
    page: str
    """The address of the change for people."""

    place: str
    """The address of what the change deploys to."""

    data: object
    outcome: Outcome | None = None
    """Of a decision."""

    policy: str | None = None
    """Which policy decided."""

    by: str | None = None
    """The person who acted, by an id that never changes."""
