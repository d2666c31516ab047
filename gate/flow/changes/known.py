"""A change as the database has it: its row, the record of its decision in force, what people wrote,
and who took part in it.

Whoever is learnt of later is kept with the change for good, so that they never decide on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from gate.core.calendar.freeze import Overridden
from gate.core.change import Run, State
from gate.core.decision import record as records
from gate.core.decision.admission import Proof, proof_of
from gate.core.decision.asked import text_ids
from gate.core.decision.decide import NOBODY_KNOWN, People
from gate.core.decision.evaluate import counted_files
from gate.core.decision.named import NO_NAMES, Named
from gate.core.decision.record import Record
from gate.core.kinds import ChangedFiles
from gate.core.policy.policy import Policy
from gate.errors import Invalid, NotFound
from gate.flow.answers.change import (
    ChangeAnswer,
    Closed,
    Given,
    Life,
    Reviewed,
    change_answer,
    reasons_of,
)
from gate.flow.caller import Caller
from gate.flow.changes import excluded
from gate.flow.gate import Gate
from gate.flow.identity.labels import labels, requester
from gate.flow.identity.membership import still_missing
from gate.flow.rulebooks import Rulebook, Rulebooks
from gate.flow.scope import sees
from gate.ledger.format import listed
from gate.storage import texts
from gate.storage.changes import approvals, changes, closures, decisions, moves, named
from gate.storage.changes.approvals import Approval, Override
from gate.storage.changes.closures import Closure
from gate.storage.database.tx import Tx
from gate.storage.incidents import links
from gate.storage.incidents.links import TiedIncident
from gate.storage.tables.stored_change import StoredChange

NAMED_MAX = 5_000
"""How many names one change may have. A caller who needs more has to ask with a new run."""


@dataclass(frozen=True, slots=True)
class Known:
    """A change and all that belongs to it, read from one snapshot."""

    stored: StoredChange
    record: Record
    # The policy that made the decision.
    policy: Policy | None
    texts: Mapping[str, str]
    closed: Closed | None = None
    approvals: tuple[Approval, ...] = ()
    overrides: tuple[Override, ...] = ()
    # How many approvals each entry of what is required still lacks.
    missing: tuple[int, ...] = ()
    # Everybody who was ever named for it.
    names: Named = NO_NAMES
    # Who of them may not decide on it now.
    people: People = NOBODY_KNOWN
    # The labels of approvers and excluded people, by their ids.
    labels: Mapping[str, str] = field(default_factory=dict)
    # The incidents that it is tied to. They are for readers: no act is judged by them.
    incidents: tuple[TiedIncident, ...] = ()

    @property
    def files(self) -> ChangedFiles:
        """The changed files of the decision in force, as they are counted."""
        return counted_files(self.policy, self.record.case.facts)

    @property
    def proof(self) -> Proof | None:
        """The claims of an identity token about the run when this was decided, or None."""
        return proof_of(self.record.asked.run, self.record.case.facts)

    @property
    def overridden(self) -> Overridden:
        """The windows that shall not hold it, each with the time of its override."""
        return excluded.overridden(self.overrides, self.people.excluded)

    @property
    def observed(self) -> bool:
        """Whether the gate only observed when this was decided: then it approved nothing."""
        return self.record.decision.observed is not None

    def asked_by(self, book: Rulebook) -> str:
        """Return the name of the requester if the catalogue knows the address, or the address."""
        return requester(book, self.texts.get(self.record.asked.requested_by, ""))

    def answer(self, now: datetime, base_url: str) -> ChangeAnswer:
        """Return the change as it is shown, with expiry taken into account."""
        reasons, life = reasons_of(self.record, self.policy, self.texts), self.life(now)
        return change_answer(self.record, reasons, life, self.texts, base_url, self._reviewed())

    def _reviewed(self) -> Reviewed:
        given = tuple(
            Given(
                one.person,
                self.labels.get(one.person),
                one.at,
                one.comment,
                lapsed=one.lapsed_at is not None,
            )
            for one in self.approvals
            if not one.rejected
        )
        return Reviewed(given, self.missing, self.people.excluded)

    def life(self, now: datetime) -> Life:
        """Return where it stands at this instant."""
        stored, asked = self.stored, self.record.asked
        run = None
        if stored.run_id is not None:
            url = asked.run.url if asked.run else ""
            run = Run(stored.run_id, stored.run_attempt or 1, stored.run_step or "", url)
        return Life(
            state=stored.state_at(now),
            submitted_at=stored.submitted_at,
            decided_at=stored.decided_at,
            run=run,
            hold=stored.hold,
            expires_at=stored.expires_at,
            valid_until=stored.valid_until,
            admitted_at=stored.admitted_at,
            closed=self.closed,
            incidents=self.incidents,
        )


async def visible_change(gate: Gate, change_id: str, by: Caller) -> Known:
    """Return the change.

    Raises `NotFound` for one that is not there and for one that this caller may not see. Both look
    the same, so that nobody learns which changes exist.
    """
    known = await gate.store.read(know, gate.rulebooks, change_id)
    if known is None or not sees(by, known.stored):
        raise no_such_change(change_id)
    return known


def no_such_change(change_id: str) -> NotFound:
    """Return the error for an id of a change that is not there, or that the caller may not see."""
    return NotFound(f"there is no change {change_id[:64]}")


async def shown_change(gate: Gate, change_id: str, by: Caller) -> ChangeAnswer:
    """Return the change as it is shown now. Raises `NotFound` as `visible_change` does."""
    return (await visible_change(gate, change_id, by)).answer(gate.clock(), gate.base_url)


def know(
    conn: Connection, books: Rulebooks, change: str, book: Rulebook | None = None
) -> Known | None:
    """Return the change of that id, or None where there is none.

    An act gives the `book` that is in force in its transaction; a reader takes the latest.
    """
    stored = changes.read(conn, change)
    if stored is None:
        return None
    (known,) = know_all(conn, books, [stored], book)
    return known


def know_existing(
    conn: Connection, books: Rulebooks, change: str, book: Rulebook | None = None
) -> Known:
    """Return the change of an id that was read before.

    It raises where there is none, because changes are never deleted.
    """
    known = know(conn, books, change, book)
    if known is None:
        raise LookupError(change)
    return known


def know_all(
    conn: Connection,
    books: Rulebooks,
    found: Sequence[StoredChange],
    book: Rulebook | None = None,
) -> list[Known]:
    """Return all that is known of these changes, with the incidents that they are tied to.

    However many they are, the database is asked a bounded number of questions.
    """
    known = _know(conn, books, found, book or books.latest)
    # Only an admitted change can be tied to an incident.
    admitted = [stored.id for stored in found if stored.admitted_at is not None]
    tied = links.incidents_of_changes(conn, admitted)
    if not tied:
        return known
    titles = texts.read_texts(conn, {one.title for one in tied})
    return [
        replace(
            one,
            incidents=tuple(incident for incident in tied if incident.change == one.stored.id),
            texts={**one.texts, **titles},
        )
        for one in known
    ]


def know_stored(
    conn: Connection, books: Rulebooks, stored: StoredChange, book: Rulebook | None = None
) -> Known:
    """Return all that is known of a change, except the incidents that it is tied to."""
    (known,) = _know(conn, books, [stored], book or books.latest)
    return known


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows about one change, beside its own."""

    stored: StoredChange
    record: Record
    closed: Closed | None
    approvals: tuple[Approval, ...]
    overrides: tuple[Override, ...]

    def text_ids(self) -> list[str]:
        """Return the ids of all texts that people wrote about the change."""
        stored = self.stored
        ids = [*text_ids(self.record.asked), *self.record.decision.hold_reasons]
        if self.closed is not None:
            ids.append(self.closed.notes)
        if stored.hold is not None:
            ids.append(stored.hold.reason)
        ids += [one.comment for one in self.approvals]
        return [one for one in ids if one]


def _know(
    conn: Connection, books: Rulebooks, found: Sequence[StoredChange], book: Rulebook
) -> list[Known]:
    rows = _rows(conn, found)
    ids = {row.stored.id: row.text_ids() for row in rows}
    said = texts.read_texts(conn, [one for wanted in ids.values() for one in wanted])
    names = excluded.names_of_many(conn, [row.record for row in rows], said, book)
    people = {
        row.stored.id: excluded.people_now(row.record, names[row.stored.id], book) for row in rows
    }
    approvers = {one.person for row in rows for one in row.approvals}
    shut_out = {person for one in people.values() for person in one.excluded}
    known_labels = labels(conn, book.catalogue, sorted(approvers | shut_out))
    return [
        Known(
            stored=row.stored,
            record=row.record,
            policy=books.policy_of(conn, row.record),
            texts={one: said[one] for one in ids[row.stored.id] if one in said},
            closed=row.closed,
            approvals=row.approvals,
            overrides=row.overrides,
            missing=still_missing(
                row.approvals, row.record, people[row.stored.id].excluded, book.catalogue
            ),
            names=names[row.stored.id],
            people=people[row.stored.id],
            labels=known_labels,
        )
        for row in rows
    ]


def _rows(conn: Connection, found: Sequence[StoredChange]) -> list[_Rows]:
    kept = decisions.records(conn, [(stored.id, stored.decision) for stored in found])
    read = {change: records.read(record) for change, record in kept.items()}
    asked = [change for change, record in read.items() if record.decision.required]
    ended = [stored.id for stored in found if stored.result is not None]
    given, reports = approvals.of_changes(conn, asked), closures.of_changes(conn, ended)
    lifted = approvals.overrides_of_changes(conn, [stored.id for stored in found])
    return [
        _Rows(
            stored,
            read[stored.id],
            _closed(stored, reports.get(stored.id, ())),
            given.get(stored.id, ()),
            lifted[stored.id],
        )
        for stored in found
    ]


def _closed(stored: StoredChange, reports: Sequence[Closure]) -> Closed | None:
    if stored.result is None or stored.closed_at is None:
        return None
    said = [one for one in reports if one.matched]
    return Closed(stored.result, stored.closed_at, said[-1].report.notes if said else "")


def learn(tx: Tx, known: Known, said: Named) -> bool:
    """Keep for good whom a request or a token names; return whether any name was new.

    A pending change is then decided again soon, so that its record and the ledger say so, too.
    Raises `Invalid` beyond `NAMED_MAX`.
    """
    news = said.beyond(known.names)
    if not news:
        return False
    number = len(known.names) + len(news)
    if number > NAMED_MAX:
        said_so = (
            f"{number} names were given for {known.stored.id}, at most {NAMED_MAX} are allowed"
        )
        raise Invalid(f"{said_so}; ask with a new run")
    named.add(tx, known.stored.id, news)
    look_again(tx, known.stored)
    return True


def keep_excluded(tx: Tx, known: Known) -> None:
    """Keep for good who is excluded now and was not when the change was decided.

    The catalogue may forget later why somebody was excluded; the exclusion has to outlast that.
    """
    now, then = frozenset(known.people.excluded), known.record.case.people.excluded
    news = now.difference(then) - known.names.people
    if news:
        named.add(tx, known.stored.id, Named(people=news))
        look_again(tx, known.stored)


def learnt_since(known: Known) -> dict[str, Any]:
    """Return the members that the ledger entry of an act has about who is excluded.

    Empty where the entry of the decision says the same.
    """
    now = known.people.excluded
    if now == known.record.case.people.excluded:
        return {}
    return listed("excluded", list(now), len(now))


def look_again(tx: Tx, stored: StoredChange) -> None:
    """Have the worker decide the change again, if it is still pending."""
    moves.move(
        tx, stored.id, from_state=State.PENDING, of_decision=stored.decision, redecide_at=tx.now
    )
