"""Rows as values, one class a table.

Tuples, because a thousand a second are made. A field is a column of that name in `schema.py`, and
its value is as that column's type has it. The row of a new change is a `StoredChange`.
"""

from datetime import datetime
from typing import NamedTuple

from gate.core.decision.values import Band, ChangeType, Outcome, Route


class DecisionRow(NamedTuple):
    """A decision; its bytes are UTF-8."""

    change_id: str
    number: int
    at: datetime
    service: str
    environment: str
    type: ChangeType
    route: Route
    outcome: Outcome
    band: Band
    score: int
    policy: str | None
    revision: str
    standard_change: str | None
    subject_digest: str
    record: bytes
    record_sha256: str
    running_change: str | None = None


class EntryRow(NamedTuple):
    """A ledger entry before it has its place; its bytes are UTF-8."""

    at: int
    kind: str
    change_id: str | None
    body: bytes


class TextRow(NamedTuple):
    """A text that a person wrote. `name` repeats the text if it is a name whose salt must be found
    again.
    """

    id: str
    salt: str
    text: str
    name: str | None = None


class MessageRow(NamedTuple):
    """A message of the outbox; its bytes are UTF-8."""

    id: str
    at: datetime
    target: str
    change_id: str | None
    body: bytes
    next_at: datetime


class KeyRow(NamedTuple):
    """The first answer to an idempotency key; its bytes are UTF-8.

    None is the answer to a change that was new: it is made again from the change's first decision.
    """

    caller: str
    key: str
    body_sha256: str
    status: int
    change_id: str
    answer: bytes | None
    expires_at: int


class TokenUseRow(NamedTuple):
    """An identity token that was used: it is good for what it is bound to, and for nothing else."""

    issuer: str
    jti: str
    bound_to: str
    expires_at: int


class NamedRow(NamedTuple):
    """Somebody who was named for a change, by the id of a text or of a person."""

    change_id: str
    role: str
    who: str


class CommitsRow(NamedTuple):
    """The commits that a change brings, as a JSON list."""

    change_id: str
    commits: str


class RollupRow(NamedTuple):
    """The number of one kind on one day. Rows of equal kinds are added up."""

    day: int
    service: str
    environment: str
    measure: str
    route: str
    band: int
    policy: str
    standard_change: str
    n: int = 1
