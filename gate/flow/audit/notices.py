"""Notices to customers: which notices a change owes, by which day, which were given, and which are
overdue.

The notice class of a change follows from the policy that decided it. Days are counted by the
calendar in force now, because nobody worked on a holiday, even if it was entered late.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from gate.core.calendar.calendar import Calendar
from gate.core.change import FINAL
from gate.core.decision.admission import Refusal
from gate.core.decision.record import Record
from gate.core.decision.values import ChangeType
from gate.core.notices import Classified, NoticeClass, Owed, Times, classes_of, classified, owed
from gate.core.policy.policy import Policy
from gate.core.policy.set import policies_of
from gate.errors import Conflict, Invalid, NotFound
from gate.flow.answers.controls import YOURS, DutyAnswer, NoticeAnswer, WhyAnswer
from gate.flow.answers.parts import policy_answer
from gate.flow.audit.scope import Scope
from gate.flow.caller import Caller, Person
from gate.flow.changes import entitlement
from gate.flow.changes.known import Known, know_existing, visible_change
from gate.flow.commands import NoticeCommand
from gate.flow.entries import append_entry
from gate.flow.gate import Gate
from gate.flow.identity.labels import labels
from gate.flow.refusals import Refused
from gate.flow.refuse import refuse
from gate.flow.rulebooks import Rulebook, Rulebooks
from gate.ledger.format import Kind
from gate.storage import texts
from gate.storage.audit import notices as rows
from gate.storage.audit.notices import GivenNotice
from gate.storage.database.tx import Tx
from gate.storage.ledger.exporting import kept_policies
from gate.storage.tables.stored_change import StoredChange


class OwedNotice(NamedTuple):
    """One notice that a change owes, with its status."""

    due: str | None
    status: str
    change: str
    service: str
    environment: str
    notice: str
    duty: str
    requirement: str
    given_at: datetime | None
    given_by: str | None


async def notice(gate: Gate, change_id: str, by: Caller) -> NoticeAnswer:
    """Return the notice of a change. Raises `NotFound` for a change without a notice class."""
    known = await visible_change(gate, change_id, by)
    found = await gate.store.read(notice_of, gate.rulebooks.latest, known, by, gate.clock())
    if found is None:
        raise NotFound(
            f"{known.stored.id} owes no notice: no entry of its policy with a control such as "
            "fedramp:SCN-TRF holds"
        )
    return found


async def give(gate: Gate, change_id: str, command: NoticeCommand, by: Person) -> NoticeAnswer:
    """Record that a notice was given, and return the notice as it is then.

    Raises `NotAllowed` for anybody but owners and release managers, `Invalid` for a duty that the
    change does not have, and `Conflict` for a notice that was given before.
    """
    await visible_change(gate, change_id, by)
    refused = await gate.store.write(_give, gate.rulebooks, change_id, command, by)
    if refused is not None:
        attempt = Refused(by.caller, "notice", refused.problem, change_id)
        raise await refuse(gate, attempt, entitlement.error_of(refused))
    return await notice(gate, change_id, by)


def _give(
    tx: Tx, books: Rulebooks, change_id: str, command: NoticeCommand, by: Person
) -> Refusal | None:
    book = books.in_force(tx)
    known = know_existing(tx.conn, books, change_id, book)
    refused = entitlement.why_not_give_notice(known, by, book)
    if refused is not None:
        return refused
    found = _owed(known.record, known.policy, known.stored, {}, book.calendar, tx.now)
    duties = [one.duty.id for one in found[1]] if found is not None else []
    if command.duty not in duties:
        allowed = ", ".join(duties) or "none, because it is of no notice class"
        raise Invalid(f"duty: found {command.duty}, allowed for this change: {allowed}")
    comment = texts.keep_text(tx, command.comment)
    if not rows.give(tx, change_id, command.duty, by.id, comment):
        raise Conflict(f"the notice {command.duty} of {change_id} was given before")
    append_entry(
        tx,
        Kind.NOTICE,
        change_id,
        by=by.id,
        token=by.token,
        duty=command.duty,
        comment=comment or None,
    )
    return None


def notice_of(
    conn: Connection, book: Rulebook, known: Known, by: Caller, now: datetime
) -> NoticeAnswer | None:
    """Return the notice of a change, or None for a change without a notice class."""
    stored, record = known.stored, known.record
    given = rows.given(conn, [stored.id])[stored.id]
    found = _owed(record, known.policy, stored, given, book.calendar, now)
    if found is None:
        return None
    classed, duties = found
    asked, said = record.asked, known.texts
    change = known.answer(now, "")
    may = isinstance(by, Person) and entitlement.why_not_give_notice(known, by, book) is None
    return NoticeAnswer(
        change=stored.id,
        service=stored.service,
        environment=stored.environment,
        type=classed.notice,
        categorization=tuple(WhyAnswer(one.rule, one.title, one.holds) for one in classed.because),
        emergency=stored.type is ChangeType.EMERGENCY,
        description=change.title,
        details=said.get(asked.description),
        reason=change.reason,
        customer_impact=change.customer_impact,
        security_impact=change.security_impact,
        expected_outcome=change.expected_outcome,
        ticket=change.ticket,
        rollback_plan=said.get(asked.rollback_plan),
        test_plan=said.get(asked.test_plan),
        planned_start=stored.planned_start,
        planned_end=stored.planned_end,
        started_at=stored.admitted_at,
        finished_at=stored.closed_at,
        result=stored.result,
        approvers=tuple(one for one in change.approvals.given if not one.lapsed),
        policy=policy_answer(record),
        time_zone=book.calendar.time_zone,
        duties=_duties(conn, book, duties, given),
        to_be_added=YOURS,
        may_give=may,
    )


def owed_notices(conn: Connection, scope: Scope) -> Iterator[OwedNotice]:
    """Yield every notice that changes owe which were submitted in the time of the scope."""
    named = _policies(conn, scope)
    if not named:
        return
    for some in rows.changes_by(conn, scope.within, named.keys()):
        given = rows.given(conn, [stored.id for stored, _ in some])
        for stored, record in some:
            policy = named[record.revisions.policies, record.decision.policy or ""]
            mine = given[stored.id]
            found = _owed(record, policy, stored, mine, scope.book.calendar, scope.at)
            if found is None:
                continue
            classed, duties = found
            for one in duties:
                yield _row(one, stored, classed.notice, mine.get(one.duty.id))


def _row(
    one: Owed, stored: StoredChange, notice_class: NoticeClass, given: GivenNotice | None
) -> OwedNotice:
    return OwedNotice(
        due=None if one.due is None else one.due.isoformat(),
        status=one.status.value,
        change=stored.id,
        service=stored.service,
        environment=stored.environment,
        notice=notice_class.value,
        duty=one.duty.id,
        requirement=one.duty.requirement,
        given_at=one.given_at,
        given_by=None if given is None else given.person,
    )


def _policies(conn: Connection, scope: Scope) -> Mapping[tuple[str, str], Policy]:
    """Return the policies that put changes in a notice class, by revision and name."""
    found = {}
    for revision, name in rows.policies_within(conn, scope.within):
        content = kept_policies(conn, revision)
        policy = None if content is None else policies_of(content).named(name)
        if policy is not None and classes_of(policy):
            found[revision, name] = policy
    return found


def _owed(
    record: Record,
    policy: Policy | None,
    stored: StoredChange,
    given: Mapping[str, GivenNotice],
    calendar: Calendar,
    now: datetime,
) -> tuple[Classified, tuple[Owed, ...]] | None:
    classed = classified(policy, record.decision.findings)
    if classed is None:
        return None
    began = stored.admitted_at is not None
    times = Times(
        planned_start=stored.planned_start,
        started_at=stored.admitted_at,
        finished_at=stored.closed_at,
        never=not began and stored.state_at(now) in FINAL,
        emergency=stored.type is ChangeType.EMERGENCY,
    )
    at = {duty: one.at for duty, one in given.items()}
    return classed, owed(classed.notice, times, at, calendar, now)


def _duties(
    conn: Connection, book: Rulebook, duties: Iterable[Owed], given: Mapping[str, GivenNotice]
) -> tuple[DutyAnswer, ...]:
    said = texts.read_texts(conn, [one.comment for one in given.values()])
    called = labels(conn, book.catalogue, [one.person for one in given.values()])
    return tuple(_duty(one, given.get(one.duty.id), called, said) for one in duties)


def _duty(
    one: Owed,
    given: GivenNotice | None,
    called: Mapping[str, str],
    said: Mapping[str, str],
) -> DutyAnswer:
    return DutyAnswer(
        id=one.duty.id,
        requirement=one.duty.requirement,
        words=one.duty.words,
        counted_from=one.duty.counted_from,
        business_days=one.duty.days,
        due=one.due,
        status=one.status,
        given_at=one.given_at,
        given_by=None if given is None else called[given.person],
        comment=None if given is None else said.get(given.comment),
    )
