"""Acts of people that an auditor checks: approvals, overrides, and late reviews."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, and_, or_, select

from gate.ledger.format import Kind
from gate.storage.audit.entries import entries_of
from gate.storage.audit.within import Within
from gate.storage.database.values import each, every
from gate.storage.identity import persons
from gate.storage.tables.schema import (
    approvals,
    changes,
    decisions,
    ledger_entries,
    overrides,
    post_reviews,
)

CHANGES_AT_ONCE = 500
_A, _C, _O, _P = approvals.c, changes.c, overrides.c, post_reviews.c
_OTHER = changes.alias("other")


class SelfApproval(NamedTuple):
    """An approval by somebody who took part in the change. It did not count if it lapsed."""

    at: datetime
    change: str
    service: str
    environment: str
    person: str
    decision: int
    lapsed_at: datetime | None


class DoubleApproval(NamedTuple):
    """An admission that counts more than one approval of the same person."""

    at: str
    change: str
    person: str
    approvals: int


class Override(NamedTuple):
    """A hold or a rejection that a person lifted; `reason` is the id of a text."""

    at: datetime
    change: str
    service: str
    environment: str
    window: str
    person: str
    reason: str
    admitted_at: datetime | None


class OverdueReview(NamedTuple):
    """The review of an emergency that was or is late."""

    due_at: datetime
    done_at: datetime | None
    change: str
    service: str
    environment: str
    owners: Sequence[str]
    person: str | None


class SecondTry(NamedTuple):
    """A commit that a person rejected for a place and that was later deployed there."""

    rejected_at: datetime
    rejected: str
    rejected_by: str
    service: str
    environment: str
    commit: str
    approved: str
    route: str
    admitted_at: datetime


def self_approvals(conn: Connection, within: Within) -> Iterator[SelfApproval]:
    """Yield approvals by people whom a decision of the change, or a later entry about it, names."""
    query = (
        select(_A.at, _A.change_id, _C.service, _C.environment, _A.person, _A.decision)
        .add_columns(_A.lapsed_at)
        .join(changes, _C.id == _A.change_id)
        .where(_A.rejected.is_(False), *within.at(_A.at), *within.place())
        .order_by(_A.at, _A.change_id, _A.person)
    )
    rows = every(conn, SelfApproval, query)
    for begin in range(0, len(rows), CHANGES_AT_ONCE):
        some = rows[begin : begin + CHANGES_AT_ONCE]
        excluded = _excluded(conn, {one.change for one in some})
        for one in some:
            person = persons.merged(conn, one.person)
            others = excluded.get(one.change, set())
            if person in others or person in {persons.merged(conn, other) for other in others}:
                yield one


def double_approvals(conn: Connection, within: Within) -> Iterator[DoubleApproval]:
    """Yield them from the entries of admissions. Ids that are now known to be one person count as
    one.
    """
    for found in entries_of(conn, (Kind.ADMISSION,), within.begins, within.ends):
        fields = found.fields
        given: dict[str, int] = {}
        for person, _ in fields.get("approvers", ()):
            one = persons.merged(conn, person)
            given[one] = given.get(one, 0) + 1
        for person, count in given.items():
            if count > 1:
                yield DoubleApproval(fields["at"], str(fields.get("change")), person, count)


def overridden(conn: Connection, within: Within) -> Iterator[Override]:
    """Yield overrides that were given in this time."""
    query = (
        select(_O.at, _O.change_id, _C.service, _C.environment, _O.window, _O.person, _O.comment)
        .add_columns(_C.admitted_at)
        .join(changes, _C.id == _O.change_id)
        .where(*within.at(_O.at), *within.place())
    )
    return each(conn, Override, query)


def overdue_reviews(conn: Connection, within: Within, now: datetime) -> Iterator[OverdueReview]:
    """Yield reviews that were due in this time and were not held in time."""
    query = (
        select(_P.due_at, _P.done_at, _P.change_id, _C.service, _C.environment, _P.owners)
        .add_columns(_P.person)
        .join(changes, _C.id == _P.change_id)
        .where(
            *within.at(_P.due_at),
            *within.place(),
            or_(and_(_P.done_at.is_(None), _P.due_at < now), _P.done_at > _P.due_at),
        )
    )
    return each(conn, OverdueReview, query)


def second_tries(conn: Connection, within: Within) -> Iterator[SecondTry]:
    """Yield admissions in this time of commits that a person had rejected for the same place."""
    admitted, rejected = _OTHER.c, approvals.c
    query = (
        select(rejected.at, _C.id, rejected.person, _C.service, _C.environment, _C.commit_sha)
        .add_columns(admitted.id, admitted.route, admitted.admitted_at)
        .join(changes, _C.id == rejected.change_id)
        .join(
            _OTHER,
            and_(
                admitted.service == _C.service,
                admitted.environment == _C.environment,
                admitted.commit_sha == _C.commit_sha,
                admitted.admitted_at > rejected.at,
            ),
        )
        .where(rejected.rejected.is_(True), *within.at(admitted.admitted_at), *within.place())
    )
    return each(conn, SecondTry, query)


def _excluded(conn: Connection, wanted: Iterable[str]) -> dict[str, set[str]]:
    """Return everybody whom the records of decisions or later entries name for these changes."""
    ids = list(wanted)
    found: dict[str, set[str]] = {}
    records = select(decisions.c.change_id, decisions.c.record).where(
        decisions.c.change_id.in_(ids)
    )
    for change, record in conn.execute(records):
        people = orjson.loads(bytes(record))["case"]["people"][0]
        found.setdefault(change, set()).update(people)
    later = select(ledger_entries.c.change_id, ledger_entries.c.body).where(
        ledger_entries.c.change_id.in_(ids), ledger_entries.c.kind != Kind.DECISION.value
    )
    for change, body in conn.execute(later):
        fields: dict[str, Any] = orjson.loads(bytes(body))
        found.setdefault(change, set()).update(fields.get("excluded", ()))
    return found
