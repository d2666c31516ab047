"""From a request to the rows of its decision: those that a submit records, and those that a later
decision adds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from gate.core.canonical import digest
from gate.core.change import PLANNED_DAYS_AHEAD_MAX, Assessment, Change, Planned, Run, State
from gate.core.days import day_of
from gate.core.decision import record as records
from gate.core.decision.asked import RequestDetails
from gate.core.decision.decide import decide
from gate.core.decision.guards import IN_FLIGHT
from gate.core.decision.record import Parts, Record
from gate.core.decision.redecision import keeps_approvals
from gate.core.decision.values import Decision, Outcome
from gate.core.instants import clock, to_us
from gate.errors import Invalid
from gate.flow.answers.change import Life
from gate.flow.changes.gather import Gathered, gather
from gate.flow.changes.known import Known
from gate.flow.changes.unearned import with_settling_counts
from gate.flow.gate import Gate
from gate.flow.rulebooks import Rulebook
from gate.ledger.format import Kind, entry, listed
from gate.storage.changes.named import Role, commits_row
from gate.storage.changes.words import words
from gate.storage.database.rows import (
    CommitsRow,
    DecisionRow,
    EntryRow,
    NamedRow,
    RollupRow,
    TextRow,
)
from gate.storage.database.values import values_of
from gate.storage.tables.stored_change import DecisionColumns, StoredChange
from gate.storage.texts import new_text

REVISION_CHARACTERS = 16
"""The number of characters of a policy revision that a rollup keeps."""

BORN = {
    Outcome.APPROVED: State.APPROVED,
    Outcome.PENDING: State.PENDING,
    Outcome.REJECTED: State.REJECTED,
}


@dataclass(slots=True)
class Texts:
    """Collects what people wrote, and gives out the ids under which it is kept."""

    # The ids under which the names and addresses of the catalogue are kept already.
    ids_of_catalogue: Mapping[str, str]
    rows: list[TextRow] = field(default_factory=list)
    by_id: dict[str, str] = field(default_factory=dict)

    def keep(self, text: str | None) -> str:
        """Return the id of a text, which is kept from now on; an empty id for no text."""
        if not text:
            return ""
        identity = self.ids_of_catalogue.get(text)
        if identity is None:
            row = new_text(text)
            self.rows.append(row)
            identity = row.id
        self.by_id[identity] = text
        return identity


def asked(change: Change, texts: Texts) -> RequestDetails:
    """Return the request as it is kept: with ids for what people wrote, so it can be erased."""
    keep = texts.keep
    emergency = change.emergency
    return RequestDetails(
        base=change.base,
        ref=change.ref,
        repository=change.repository,
        artifacts=change.artifacts,
        run=change.run,
        requested_by=keep(change.requested_by),
        authors=tuple(keep(author) for author in change.authors),
        actor=tuple(keep(identity) for identity in change.actor),
        title=keep(change.title),
        description=keep(change.description),
        impact=keep(change.impact),
        rollback_plan=keep(change.rollback_plan),
        test_plan=keep(change.test_plan),
        assessment=Assessment(*map(keep, change.assessment)),
        emergency_reason=keep(emergency.reason) if emergency else "",
        emergency_incident=emergency.incident if emergency else "",
        planned=change.planned,
        remediates=change.remediates,
    )


class Decided(NamedTuple):
    """A decision that was made and is not recorded yet."""

    record: Record
    row: DecisionRow
    gathered: Gathered
    parts: Parts


async def decide_change(
    gate: Gate,
    change: Change,
    book: Rulebook,
    identity: str,
    details: RequestDetails,
    before: Known | None = None,
) -> Decided:
    """Gather facts, decide, and return the decision with everything that it was made from.

    `before` is the change as it stands.

    Raises `Invalid` for a first decision about a time that is planned too far ahead.
    """
    if before is None:
        _require_near(change.planned, gate.clock())
    subject = change.subject

    def failed(error: Exception) -> None:
        place = f"{subject.service} to {subject.environment}"
        gate.troubles.happened(
            "evaluation", error, change=identity, place=place, revision=book.revisions.policies
        )

    gathered = await gather(gate, change, book, before=before)
    decision = decide(book.policies, gathered.case, failed)
    extended = await with_settling_counts(gate, change, book, gathered, decision)
    if extended is not gathered:
        gathered, decision = extended, decide(book.policies, extended.case, failed)
    case = gathered.case
    parts = records.parts_of(subject, details, case.facts)
    record = Record(
        change=identity,
        number=before.record.number + 1 if before else 1,
        at=case.at,
        subject=subject,
        asked=details,
        revisions=book.revisions,
        case=case,
        decision=decision,
        subject_digest=records.subject_digest(
            subject, change.planned, book.revisions.policies, case.facts, parts
        ),
        carries=_carried(before.record, decision, details.planned) if before else (),
    )
    return Decided(record, _decision_row(record, parts, gathered), gathered, parts)


def _require_near(planned: Planned, at: datetime) -> None:
    far = planned.too_far(at)
    if far is not None:
        raise Invalid(
            f"planned for {clock(far)}, which is more than {PLANNED_DAYS_AHEAD_MAX} days "
            "ahead; ask nearer to the time, or leave `planned` out"
        )


def life_of(record: Record, *, submitted_at: datetime, run: Run | None) -> Life:
    """Return where a change stands right after this decision."""
    decision, at = record.decision, record.at
    state = BORN[decision.outcome]
    terms = decision.terms
    counts_from = max(at, record.asked.planned.start or at)
    pending = state is State.PENDING and decision.hold is None
    return Life(
        state=state,
        submitted_at=submitted_at,
        decided_at=at,
        run=run,
        hold=decision.hold,
        expires_at=at + timedelta(seconds=terms.expires_after_seconds) if pending else None,
        valid_until=counts_from + timedelta(seconds=terms.valid_for_seconds)
        if state is State.APPROVED
        else None,
    )


def _carried(before: Record, now: Decision, planned: Planned) -> tuple[int, ...]:
    """Return the numbers of earlier decisions whose approvals still count for this one."""
    if keeps_approvals(before, now, planned):
        return (*before.carries, before.number)
    return ()


def _decision_row(record: Record, parts: Parts, gathered: Gathered) -> DecisionRow:
    decision, subject = record.decision, record.subject
    content = records.write(record, parts)
    return DecisionRow(
        change_id=record.change,
        number=record.number,
        at=record.at,
        service=subject.service,
        environment=subject.environment,
        type=decision.type,
        route=decision.route,
        outcome=decision.outcome,
        band=decision.band,
        score=decision.score,
        policy=decision.policy,
        revision=record.revisions.policies,
        standard_change=decision.standard_change,
        subject_digest=record.subject_digest,
        record=content,
        record_sha256=digest(content),
        running_change=gathered.track_record.running.change
        if gathered.track_record.running
        else None,
    )


def decision_entry(made: Decided) -> EntryRow:
    """Return the ledger entry of a decision, with everything an auditor needs to judge it."""
    record, row, decision = made.record, made.row, made.record.decision
    revisions = record.revisions
    required, excluded = decision.required, record.case.people.excluded
    body = entry(
        Kind.DECISION,
        record.at,
        record.change,
        number=record.number,
        outcome=row.outcome.value,
        type=row.type.value,
        route=row.route.value,
        band=decision.band.word,
        policy_revision=revisions.policies,
        catalogue_revision=revisions.catalogue,
        calendar_revision=revisions.calendar,
        subject_digest=record.subject_digest,
        record=row.record_sha256,
        service=row.service,
        environment=row.environment,
        policy=row.policy,
        score=row.score,
        standard_change=row.standard_change,
        would=decision.observed.outcome.value if decision.observed else None,
        running_change=row.running_change,
        carries=record.carries or None,
        **listed(
            "required",
            [[list(one.by), one.count] for one in required],
            sum(len(one.by) for one in required),
        ),
        **listed("excluded", list(excluded), len(excluded)),
    )
    return EntryRow(at=to_us(row.at), kind=Kind.DECISION.value, change_id=record.change, body=body)


def new_change(made: Decided, life: Life, caller: str, run_key: str | None) -> StoredChange:
    """Return a change as it is stored when it is born."""
    record, row = made.record, made.row
    subject, run, repository = record.subject, life.run, record.asked.repository
    time_left = timedelta(seconds=record.decision.terms.expires_after_seconds)
    return StoredChange(
        **values_of(decision_columns(made, life)),
        id=record.change,
        service=row.service,
        environment=row.environment,
        commit_sha=subject.commit,
        digests=subject.digests,
        repository_issuer=repository.issuer if repository else None,
        repository_id=repository.id if repository else None,
        caller=caller,
        run_id=run.id if run else None,
        run_attempt=run.attempt if run else None,
        run_step=run.step if run else None,
        run_key=run_key,
        subject_key=made.parts.subject_key,
        state=life.state,
        submitted_at=life.submitted_at,
        settled_at=None if life.state is State.PENDING else row.at,
        expires_at=life.expires_at,
        time_left=time_left if life.hold else None,
    )


def decision_columns(made: Decided, life: Life) -> DecisionColumns:
    """Return the columns of a change, new or decided again, that follow from this decision."""
    record, row = made.record, made.row
    decision, planned = record.decision, record.asked.planned
    return DecisionColumns(
        decision=row.number,
        decided_at=row.at,
        type=row.type,
        route=row.route,
        outcome=row.outcome,
        would=decision.observed.outcome if decision.observed else None,
        band=row.band,
        score=row.score,
        policy=row.policy,
        standard_change=row.standard_change,
        matched=decision.matched_standard_changes,
        hold=decision.hold,
        excused=decision.excused,
        subject_digest=row.subject_digest,
        running_change=row.running_change,
        direction=str(record.case.facts["change.direction"].value),
        lines=_lines(record),
        parallel=decision.terms.parallel,
        close_within_seconds=decision.terms.close_within_seconds,
        planned_start=planned.start,
        planned_end=planned.end,
        redecide_at=redecide_at(made),
        valid_until=life.valid_until,
        detail=made.parts.asked,
    )


def _lines(record: Record) -> int | None:
    """Return the number of lines added and deleted, from whatever source; None if unknown."""
    names = ("diff.lines_added", "diff.lines_deleted")
    facts = [record.case.facts[name] for name in names if name in record.case.facts]
    numbers = [fact.value for fact in facts if isinstance(fact.value, int)]
    return sum(numbers) if len(numbers) == len(names) else None


def named_rows(made: Decided, texts: Texts) -> tuple[NamedRow, ...]:
    """Return rows for the people whom the code host names; those of the request stand in the
    record.
    """
    named = made.gathered.named_by_host
    return tuple(
        NamedRow(made.record.change, Role.WROTE.value, texts.keep(one)) for one in named.wrote
    )


def commits_of(made: Decided) -> CommitsRow | None:
    """Return the commits that the change brings, so that whoever is found later to have pushed one
    of them is excluded, too. None where the host compared nothing.
    """
    if not made.gathered.commits:
        return None
    return commits_row(made.record.change, made.gathered.commits, made.record.subject.commit)


def redecide_at(made: Decided) -> datetime | None:
    """Return when to decide a pending change again if nothing happens before: when its hold ends,
    or the time of what is in its way. None where it waits for people.
    """
    decision = made.record.decision
    if decision.outcome is not Outcome.PENDING:
        return None
    if decision.hold is not None:
        return decision.hold.until
    if decision.findings[0].rule != IN_FLIGHT:
        return None
    return min(
        (one.until for one in made.gathered.track_record.in_flight if one.until is not None),
        default=None,
    )


def rollups(record: Record, measures: Iterable[str], *, at: datetime) -> tuple[RollupRow, ...]:
    """Return rows that add one to each measure, on the day of `at`."""
    decision, subject, day = record.decision, record.subject, day_of(at)
    return tuple(
        [
            RollupRow(
                day=day,
                service=subject.service,
                environment=subject.environment,
                measure=measure,
                route=decision.route.value,
                band=int(decision.band),
                policy=record.revisions.policies[:REVISION_CHARACTERS],
                standard_change=decision.standard_change or "",
            )
            for measure in measures
        ]
    )


def searched(record: Record, texts: Iterable[str]) -> list[str]:
    """Return the words by which the log finds this decision."""
    subject, details = record.subject, record.asked
    names = (
        record.change,
        subject.service,
        subject.environment,
        subject.commit,
        details.ref or "",
        details.repository.name if details.repository else "",
        details.run.id if details.run else "",
        details.emergency_incident,
        record.decision.policy or "",
        record.decision.standard_change or "",
    )
    return words(" ".join((*names, *texts)))
