"""Rows as values, one class a table.

Tuples, because the driver takes them as they are: a thousand a second are made.

A field is a column of that name in `schema.py`. Enums are given as their values: the driver is slow
with subclasses.
"""

from typing import NamedTuple


class ChangeRow(NamedTuple):
    """A change when it is born; what only its later life sets has its default in the table."""

    id: str
    service: str
    environment: str
    commit_sha: str
    digests: str
    direction: str
    caller: str
    subject_key: str
    content_key: str
    state: str
    type: str
    route: str
    outcome: str
    band: int
    score: int
    matched: str
    decision: int
    subject_digest: str
    excused: bool
    parallel: bool
    submitted_at: int
    decided_at: int
    close_within_seconds: int
    detail: bytes
    repository_issuer: str | None = None
    repository_id: int | None = None
    lines: int | None = None
    run_id: str | None = None
    run_attempt: int | None = None
    run_step: str | None = None
    run_key: str | None = None
    policy: str | None = None
    standard_change: str | None = None
    hold: str | None = None
    running_change: str | None = None
    settled_at: int | None = None
    expires_at: int | None = None
    time_left: int | None = None
    redecide_at: int | None = None
    valid_until: int | None = None
    planned_start: int | None = None
    planned_end: int | None = None
    would: str | None = None


class DecisionRow(NamedTuple):
    """A decision; its bytes are UTF-8."""

    change_id: str
    number: int
    at: int
    service: str
    environment: str
    type: str
    route: str
    outcome: str
    band: int
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
    """What a person wrote.

    `name` repeats the text where it is a name whose salt is to be found again.
    """

    id: str
    salt: str
    text: str
    name: str | None = None


class MessageRow(NamedTuple):
    """A message of the outbox; its bytes are UTF-8."""

    id: str
    at: int
    target: str
    change_id: str | None
    body: bytes
    next_at: int


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
    """Somebody who was named for a change: the id of a text, or of a person."""

    change_id: str
    role: str
    who: str


class CommitsRow(NamedTuple):
    """Which commits a change brings, as a JSON list."""

    change_id: str
    commits: str


class RollupRow(NamedTuple):
    """So many of one kind on one day. Equal kinds are added up."""

    day: int
    service: str
    environment: str
    measure: str
    route: str
    band: int
    policy: str
    standard_change: str
    n: int = 1
