"""Everything about one change for a person who has to decide on it: its reasons, who may approve,
what happened, and the changes before it.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from gate.core.catalogue.catalogue import Catalogue
from gate.core.decision import record as records
from gate.core.decision.decide import People
from gate.core.decision.record import Record
from gate.core.decision.values import FindingKind, Required
from gate.flow.answers.change import ChangeAnswer
from gate.flow.answers.reasons import against, explained, freeze_named
from gate.flow.answers.story import (
    AskedGroupAnswer,
    AskedGroupsAnswer,
    DetailsAnswer,
    ExcludedAnswer,
    MayAnswer,
    MemberAnswer,
    OwedAnswer,
    PeopleAnswer,
    RepeatabilityAnswer,
    StoryAnswer,
    TiedAnswer,
)
from gate.flow.audit.notices import notice_of
from gate.flow.caller import Person
from gate.flow.changes import entitlement
from gate.flow.changes.held import open_windows
from gate.flow.changes.known import Known, know, know_all, no_such_change
from gate.flow.gate import Gate
from gate.flow.identity.labels import callers_named, labels
from gate.flow.identity.membership import counted
from gate.flow.identity.presence import is_present
from gate.flow.queries.acts import window_reasons
from gate.flow.queries.look import decision_answers
from gate.flow.queries.waiting_list import reasons_key
from gate.flow.rulebooks import Rulebook
from gate.ledger.format import Entry, Kind, read_entry
from gate.storage import texts
from gate.storage.changes import change_list, post_reviews, similar
from gate.storage.changes import decisions as decision_table
from gate.storage.changes.approvals import REJECTION
from gate.storage.changes.change_list import ChangeFilters
from gate.storage.changes.post_reviews import PostReview
from gate.storage.database.pages import Part
from gate.storage.incidents import incidents, links
from gate.storage.ledger import ledger

NEIGHBOURS_SHOWN = 8
EVENTS_SHOWN = 200
DECISIONS_SHOWN = 20
_TEXT_FIELDS = ("comment", "findings")


async def story(gate: Gate, change_id: str, by: Person) -> StoryAnswer:
    """Return a change with everything about it. People may see every change. Raises `NotFound`."""
    await gate.rulebooks.current()
    return await gate.store.read(_read, gate, change_id, by, gate.clock())


def _read(conn: Connection, gate: Gate, change_id: str, by: Person, now: datetime) -> StoryAnswer:
    books, base_url = gate.rulebooks, gate.base_url
    known = know(conn, books, change_id)
    if known is None:
        raise no_such_change(change_id)
    record, policy, book = known.record, known.policy, books.latest
    reasons = freeze_named(explained(record, policy), record, known.texts)
    decided = decision_table.decision_page(conn, change_id, Part(DECISIONS_SHOWN)).rows
    owed = post_reviews.read(conn, change_id)
    events = _timeline(conn, book, change_id)
    return StoryAnswer(
        change=known.answer(now, base_url),
        asked_by=known.asked_by(book),
        bands={band.word: lowest for band, lowest in policy.bands.items() if lowest}
        if policy
        else {},
        explained=reasons,
        against=against(reasons),
        standard=tuple(one for one in reasons if one.kind is FindingKind.STANDARD_CHANGE),
        asked=_asked(conn, record),
        people=_people(known, book),
        may=_may(conn, gate, known, owed, by, now),
        reasons_key=reasons_key(record),
        decisions=decision_answers(conn, books, [records.read(one.record) for one in decided]),
        timeline=events[-EVENTS_SHOWN:],
        earlier_events=len(events) > EVENTS_SHOWN,
        previous=_neighbours(conn, gate, known, now, ends=known.stored.submitted_at),
        following=_neighbours(conn, gate, known, now, begins=known.stored.submitted_at),
        incidents=_incidents(conn, change_id),
        repeatability=_repeatability(conn, known),
        post_review=_owed(conn, owed, book),
        notice=notice_of(conn, book, known, by, now),
        at=now,
    )


def _asked(conn: Connection, record: Record) -> DetailsAnswer:
    asked = record.asked
    plans = (
        *(asked.description, asked.impact, asked.rollback_plan, asked.test_plan),
        *asked.assessment,
    )
    said = texts.read_texts(conn, [one for one in (*plans, asked.emergency_reason) if one])
    return DetailsAnswer(
        description=said.get(asked.description, ""),
        impact=said.get(asked.impact, ""),
        rollback_plan=said.get(asked.rollback_plan, ""),
        test_plan=said.get(asked.test_plan, ""),
        **{name: said.get(one, "") for name, one in asked.assessment._asdict().items()},
        emergency_reason=said.get(asked.emergency_reason, ""),
        emergency_incident=asked.emergency_incident,
        planned=asked.planned,
        remediates=asked.remediates,
    )


def _people(known: Known, book: Rulebook) -> PeopleAnswer:
    record, catalogue = known.record, book.catalogue
    given = counted(known.approvals, record, known.people.excluded, catalogue)
    required = zip(record.decision.required, known.missing, strict=True)
    return PeopleAnswer(
        required=tuple(
            _entry(entry, missing, known.people, catalogue, given) for entry, missing in required
        ),
        excluded=_excluded(known, book),
        verified=record.case.people.verified,
    )


def _entry(
    entry: Required,
    missing: int,
    people: People,
    catalogue: Catalogue,
    given: Mapping[str, Collection[str]],
) -> AskedGroupsAnswer:
    def member(person: str, group: str) -> MemberAnswer:
        # The approval of an auditor, say, is on record and counts for no group.
        is_excluded, has_approved = person in people.excluded, group in given.get(person, ())
        return MemberAnswer(person, catalogue.label_of(person), is_excluded, has_approved)

    groups = tuple(
        AskedGroupAnswer(group, tuple(member(one, group) for one in catalogue.members(group)))
        for group in entry.by
    )
    return AskedGroupsAnswer(entry.count, missing, groups)


def _excluded(known: Known, book: Rulebook) -> tuple[ExcludedAnswer, ...]:
    asked, said = known.record.asked, known.texts
    roles = {
        "wrote a part of it": [said[one] for one in asked.authors if one in said],
        "requested it": [said[asked.requested_by]] if asked.requested_by in said else [],
        "started the run": [said[one] for one in asked.actor if one in said],
    }
    now = [name for names in roles.values() for name in names]
    roles["asked for it before, or had it admitted"] = [
        one for one in known.names.asked if one not in now
    ]
    roles["wrote or pushed a part of it"] = [one for one in known.names.wrote if one not in now]
    why: dict[str, list[str]] = {person: [] for person in known.people.excluded}
    for role, names in roles.items():
        for person in why.keys() & book.identities.excluded(names).people:
            why[person].append(role)
    unnamed = ("was named under an identity that is nobody's now",)
    return tuple(
        ExcludedAnswer(person, known.labels[person], tuple(named) or unnamed)
        for person, named in why.items()
    )


def _owed(conn: Connection, owed: PostReview | None, book: Rulebook) -> OwedAnswer | None:
    if owed is None:
        return None
    known = {} if owed.person is None else labels(conn, book.catalogue, [owed.person])
    return OwedAnswer(owed.due_at, owed.done_at, known.get(owed.person or ""))


def _may(
    conn: Connection, gate: Gate, known: Known, owed: PostReview | None, by: Person, now: datetime
) -> MayAnswer:
    """Return which acts this person may do now, without acts that would change nothing."""
    book, hold = gate.rulebooks.latest, known.stored.hold
    given = counted(known.approvals, known.record, known.people.excluded, book.catalogue)
    present, approved = is_present(gate, by), by.id in given
    override = False
    if present and hold is not None:
        opened = open_windows(conn, known.stored, book, now)
        window = None if hold.stop else hold.window
        override = not entitlement.why_not_override(known, window, by, book, opened, now)
    lifted = REJECTION in known.overridden
    return MayAnswer(
        approve=present and not approved and not entitlement.why_not_approve(known, by, now),
        reject=present and not entitlement.why_not_reject(known, by, now),
        take_back=present and not entitlement.why_not_take_back(known, by, now),
        override=override,
        lift=present and not lifted and not entitlement.why_not_lift(known, by, book),
        cancel=not entitlement.why_not_cancel(known, by, book, now),
        look_back=not entitlement.why_not_look_back(known, owed, by, book),
        own=by.id in known.people.excluded,
        approved=approved,
    )


def _timeline(conn: Connection, book: Rulebook, change_id: str) -> tuple[Mapping[str, Any], ...]:
    """Return the newest entries of the ledger about the change, oldest first.

    There is one more than `EVENTS_SHOWN` if earlier ones exist, so that the page can say so.
    Refused acts are among the entries, so a caller who is refused often pushes others out of sight.
    """
    entries = [read_entry(body) for body in ledger.of_change(conn, change_id, EVENTS_SHOWN + 1)]
    said = texts.read_texts(conn, [*_texts_of(entries)])
    by = [by for one in entries if isinstance(by := one.fields.get("by"), str)]
    acted = callers_named(conn, book.catalogue, by)
    held = [one.fields["window"] for one in entries if one.kind is Kind.OVERRIDE]
    windows = window_reasons(conn, book, held)
    return tuple(_event(one, said, acted, windows, book) for one in entries)


def _texts_of(entries: Iterable[Entry]) -> Iterable[str]:
    for one in entries:
        for name in _TEXT_FIELDS:
            if isinstance(one.fields.get(name), str):
                yield one.fields[name]


def _event(
    one: Entry,
    said: Mapping[str, str],
    acted: Mapping[str, str],
    windows: Mapping[str, str],
    book: Rulebook,
) -> Mapping[str, Any]:
    fields = dict(one.fields)
    by = fields.pop("by", None)
    texts_ = {name: said.get(fields.pop(name), "") for name in _TEXT_FIELDS if name in fields}
    if one.kind is Kind.STANDARD_CHANGE:
        texts_["title"] = book.standard_title(one.fields["standard_change"])
    if one.kind is Kind.OVERRIDE:
        texts_["title"] = windows.get(one.fields["window"], "")
    return {
        "kind": one.kind.value,
        "at": one.at,
        "by": acted[by] if isinstance(by, str) else None,
        **texts_,
        **{name: fields[name] for name in _EVENT_FIELDS.get(one.kind, ()) if name in fields},
    }


_EVENT_FIELDS: Mapping[Kind, tuple[str, ...]] = {
    Kind.DECISION: ("number", "outcome", "type", "route", "policy_revision", "subject_digest"),
    Kind.APPROVAL: ("number", "subject_digest"),
    Kind.REJECTION: ("number", "subject_digest"),
    Kind.LAPSE: ("subject_digest", "taken_back"),
    Kind.OVERRIDE: ("window",),
    Kind.ADMISSION: ("run", "expires_at"),
    Kind.CLOSURE: ("result", "matched", "rolled_back_by"),
    Kind.CANCELLATION: ("superseded_by",),
    Kind.EXPIRY: ("state",),
    Kind.NOTICE: ("duty",),
    Kind.REFUSAL: ("problem", "operation"),
    Kind.STANDARD_CHANGE: ("standard_change", "action", "because"),
    Kind.INCIDENT: ("incident", "action"),
    Kind.LINK: ("incident", "method", "action"),
}


def _neighbours(
    conn: Connection,
    gate: Gate,
    known: Known,
    now: datetime,
    *,
    begins: datetime | None = None,
    ends: datetime | None = None,
) -> tuple[ChangeAnswer, ...]:
    """Return other changes of this place that were submitted in this time, newest first."""
    stored = known.stored
    here = ChangeFilters(service=stored.service, environment=stored.environment)
    part = Part(NEIGHBOURS_SHOWN, begins=begins, ends=ends)
    found = change_list.change_page(conn, here, part, now=now).rows
    others = [one for one in found if one.id != stored.id]
    known_others = know_all(conn, gate.rulebooks, others)
    return tuple(one.answer(now, gate.base_url) for one in known_others)


def _incidents(conn: Connection, change_id: str) -> tuple[TiedAnswer, ...]:
    tied = [
        (link, incidents.read(conn, link.incident)) for link in links.of_change(conn, change_id)
    ]
    said = texts.read_texts(conn, [one.title for _, one in tied if one is not None])
    return tuple(
        TiedAnswer(
            one.id,
            said.get(one.title, ""),
            one.severity,
            link.method,
            one.began_at,
            one.resolved_at,
        )
        for link, one in tied
        if one is not None
    )


def _repeatability(conn: Connection, known: Known) -> RepeatabilityAnswer:
    """Return what the decision in force knew of similar changes, and which of them is
    the newest.
    """
    facts, stored, kinds = known.record.case.facts, known.stored, known.files.kinds

    def number(name: str) -> int | None:
        fact = facts.get(f"history.{name}")
        return fact.value if fact is not None and isinstance(fact.value, int) else None

    newest = similar.last(conn, stored.service, stored.environment, kinds) if kinds else None
    failed = number("last_similar_failed")
    return RepeatabilityAnswer(
        kinds=tuple(kinds.split(",")) if kinds else (),
        changes=number("similar_changes") if kinds else None,
        failures=number("similar_failures") if kinds else None,
        days_since_last=number("days_since_similar") if kinds else None,
        last=newest if newest != stored.id else None,
        last_failed=bool(failed) if kinds and failed is not None else None,
        changes_last_24h=number("changes_last_24h"),
        lines_last_24h=number("lines_last_24h"),
    )
