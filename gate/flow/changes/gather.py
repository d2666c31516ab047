"""Ask every source for facts. Silence stays unknown; no transaction is open while we ask."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import Connection

from gate.core import history
from gate.core.calendar import freeze
from gate.core.calendar.freeze import Window
from gate.core.change import Change
from gate.core.decision.decide import NOBODY_KNOWN, Case, People
from gate.core.decision.guards import InTheWay, nothing_in_force
from gate.core.decision.named import NO_NAMES, Named, named_by, people_of
from gate.core.decision.places import notes_of_place
from gate.core.decision.standard import NEVER_SUSPENDED, StandardStatus, standard_status
from gate.core.decision.values import Finding, gate_finding
from gate.core.facts import Fact, Origin, Value, facts_of
from gate.core.history import TrackRecord
from gate.core.messages.host import HostFacts, confirmed, named
from gate.flow.changes.excluded import overridden
from gate.flow.changes.known import Known
from gate.flow.changes.listen import (
    contradicted,
    left_of,
    listen,
    measured_from,
    notes,
    said_before,
    verified,
)
from gate.flow.changes.rejected import judged, rejection_in_force
from gate.flow.gate import Gate
from gate.flow.rulebooks import Rulebook
from gate.storage.changes import approvals, post_reviews
from gate.storage.changes.approvals import Override, Placed, Rejection
from gate.storage.changes.history import Earning, PlaceQuery, ask_track_records
from gate.storage.policies import freezes
from gate.storage.texts import read_texts

BASE_DIFFERS = "base-differs"
"""The note that a diff was left out. The record has no more of it, so a decision that is made again
repeats it."""


class Gathered(NamedTuple):
    """Everything from which a decision is made, and what was read beside it."""

    case: Case
    track_record: TrackRecord
    # The texts that people gave as reasons of their windows, by id.
    said: Mapping[str, str] = MappingProxyType({})
    # The people whom the code host, or its webhooks, name.
    named_by_host: Named = NO_NAMES
    # The commits between base and commit, as the code host listed them.
    commits: tuple[str, ...] = ()


async def gather(
    gate: Gate, change: Change, book: Rulebook, *, before: Known | None = None
) -> Gathered:
    """Return all facts of a change as of now.

    `before` is the change as it stands, when it is decided again.
    """
    heard = await listen(gate, change, book) if gate.hosts else None
    # Read after the host answered, which may take seconds: a freeze may have begun meanwhile.
    at = gate.clock()
    seen = await gate.store.read_together(
        _look, _question(change, heard, book, at, before.stored.id if before else "")
    )
    return assemble(change, book, seen, at=at, before=before, heard=heard)


class Seen(NamedTuple):
    """The result of one read of the database for one decision."""

    track_record: TrackRecord
    windows: tuple[Window, ...] = ()
    said: Mapping[str, str] = MappingProxyType({})
    # Windows that shall not hold this change, and who overrode them.
    overrides: tuple[Override, ...] = ()
    # The owner groups of each review that is overdue, of any service.
    overdue_reviews: tuple[frozenset[str], ...] = ()
    # Rejections of this commit in this place, each with those who lifted it and were allowed to.
    rejections: tuple[Rejection, ...] = ()


def assemble(
    change: Change,
    book: Rulebook,
    seen: Seen,
    *,
    at: datetime,
    before: Known | None,
    heard: HostFacts | None,
) -> Gathered:
    """Return the case to decide, made of what was read. It is pure: nothing is asked here."""
    here = seen.track_record
    decided = before.record.case if before else None
    scope = freeze.scope_of(book.catalogue, change.service, change.environment)
    heard = measured_from(heard, here) or said_before(before, change, book, here)
    claims, noted = _claims(change, here, decided, heard)
    vouched = verified(heard, change, book)
    # The order is the rank of the sources, because a later one replaces an earlier one: claims,
    # the code host, the identity token, and last what the gate knows by itself.
    facts = facts_of(claims, Origin.CLAIMED)
    facts.update(facts_of(vouched, Origin.VERIFIED))
    facts.update(facts_of(change.proved, Origin.TOKEN))
    overdue = debt_of(change.service, seen.overdue_reviews, book)
    _add_own_facts(facts, change, book, seen, overdue, at)
    named_by_host = _named_by_host(heard)
    is_rollback = facts["change.direction"].value == "rollback"
    people = _people(change, book, before, heard, named_by_host, rollback=is_rollback)
    lifted = overridden(seen.overrides, people.excluded)
    case = Case(
        facts=facts,
        at=at,
        emergency=change.emergency is not None,
        people=people,
        contradictions=contradicted(heard, change, vouched, decided),
        holds=freeze.holds(book.calendar, seen.windows, scope, at, lifted),
        in_flight=here.in_flight_count,
        deploying=here.deploying_count,
        in_the_way=tuple(InTheWay(one.change, one.deploying) for one in here.in_flight),
        overdue_reviews=overdue,
        rejection=rejection_in_force(seen.rejections, people.excluded),
        standard_statuses=earned_here(book, here, at),
        notes=(
            *_nothing_in_force(book),
            *notes_of_place(book.catalogue, change.service, change.environment),
            *noted,
        ),
        observing=book.catalogue.observes(change.service, change.environment),
    )
    return Gathered(case, here, seen.said, named_by_host, heard.commits if heard else ())


def _add_own_facts(
    facts: dict[str, Fact],
    change: Change,
    book: Rulebook,
    seen: Seen,
    overdue: int,
    at: datetime,
) -> None:
    """Add what the gate knows by itself: from the catalogue, the calendar and its own records."""
    scope = freeze.scope_of(book.catalogue, change.service, change.environment)
    opened = freeze.open_windows(book.calendar, seen.windows, scope, at)
    facts.update(book.catalogue.facts(change.service, change.environment))
    facts.update(freeze.facts(opened, book.calendar, at))
    facts.update(
        history.facts(
            seen.track_record,
            change.commit,
            change.digests,
            files_known="diff.files" in facts,
            overdue_reviews=overdue,
            at=at,
        )
    )


def _nothing_in_force(book: Rulebook) -> tuple[Finding, ...]:
    return (nothing_in_force(book.trouble),) if book.trouble else ()


def debt_of(service: str, overdue: Iterable[frozenset[str]], book: Rulebook) -> int:
    """Return how many of these overdue reviews are owed by owners of the service."""
    owners = book.catalogue.answering_for(service)
    return sum(not of.isdisjoint(owners) for of in overdue)


def to_earn(book: Rulebook, at: datetime) -> tuple[Earning, ...]:
    """Return the standard changes whose successes the track record must contain."""
    return tuple(
        Earning(one, successes, at - settle) for one, (successes, settle) in book.remembered.items()
    )


def earned_here(book: Rulebook, here: TrackRecord, at: datetime) -> Mapping[str, StandardStatus]:
    """Return the status of every standard change, by `standard_key`.

    `here` was read with the `earning` of `to_earn`.
    """
    return {
        key: standard_status(
            standard,
            here.matches.get(standard.id, ()),
            here.suspensions.get(standard.id, NEVER_SUSPENDED),
            at=at,
        )
        for key, standard in book.standard_changes
    }


def _named_by_host(heard: HostFacts | None) -> Named:
    if heard:
        return Named(wrote=(*named(heard.hands), *heard.pushers))
    return NO_NAMES


def _people(
    change: Change,
    book: Rulebook,
    before: Known | None,
    heard: HostFacts | None,
    named_by_host: Named,
    *,
    rollback: bool,
) -> People:
    """Return who may not approve: everybody who was ever named for the change.

    The list counts as verified where the code host says who wrote the change, or where the token
    says who rolls it back or declares the emergency. Otherwise it is only what the caller claims.
    """
    names = named_by(change.actor, change.requested_by, change.authors).also(named_by_host)
    people = people_of(
        names.also(before.names) if before else names,
        before.people if before else NOBODY_KNOWN,
        book.identities,
        rollback=rollback,
    )
    acting = book.identities.excluded(change.actor) if change.actor else None
    acts = acting is not None and bool(acting.people or acting.strangers)
    if heard is not None and heard.kept_since is not None and before is not None:
        wrote = before.record.case.people.verified
    else:
        wrote = heard is not None and heard.base is not None and confirmed(heard, book.identities)
    sure = heard is not None and (acts if rollback else wrote)
    return people._replace(verified=sure or (change.emergency is not None and acts))


class Question(NamedTuple):
    """The question of one decision to the database."""

    place: PlaceQuery
    placed: Placed
    book: Rulebook


def _question(
    change: Change, heard: HostFacts | None, book: Rulebook, at: datetime, without: str
) -> Question:
    files = heard.values.get("diff.files") if heard else None
    files = change.claims.get("diff.files") if files is None else files
    place = PlaceQuery(
        service=change.service,
        environment=change.environment,
        commit=change.commit,
        now=at,
        digests=change.digests,
        files=files if isinstance(files, tuple) else None,
        depends_on=book.catalogue.depends_on(change.service),
        earning=to_earn(book, at),
        change=without,
    )
    return Question(place, Placed(change.service, change.environment, change.commit), book)


def _look(conn: Connection, asked: Sequence[Question]) -> Callable[[], list[Seen]]:
    """Ask what several decisions ask of the database, and return how the answers are read.

    Windows and overdue reviews are few, so they are read once for all. They are read as of the
    earliest instant; everything else is read as of the instant of its own decision.
    """
    earliest = min(question.place.now for question in asked)
    opened = freezes.ask_open(conn, earliest)
    owed = post_reviews.ask_overdue(conn, earliest)
    of_places = ask_track_records(conn, [question.place for question in asked])
    of_commits = approvals.ask_rejections(conn, [question.placed for question in asked])

    def read() -> list[Seen]:
        windows, overdue = opened(), owed()
        said = read_texts(conn, [window.reason for window in windows])
        rejected = judged(conn, of_commits(), [question.book for question in asked])
        return [
            Seen(here, windows, said, _overrides(conn, question.place.change), overdue, found)
            for question, here, found in zip(asked, of_places(), rejected, strict=True)
        ]

    return read


def _overrides(conn: Connection, change: str) -> tuple[Override, ...]:
    return approvals.overrides_of(conn, change) if change else ()


def _claims(
    change: Change, here: TrackRecord, before: Case | None, heard: HostFacts | None
) -> tuple[dict[str, Value], tuple[Finding, ...]]:
    """Return the claims that count, and notes about what was left out.

    What the request itself shows is added to them. A diff that was not measured from the commit
    that runs here is left out, because it says nothing about what this deployment changes.
    """
    claims = left_of(change.claims, heard)
    claims.setdefault("change.has_rollback_plan", bool(change.rollback_plan))
    claims.setdefault("change.has_test_plan", bool(change.test_plan))
    claims.setdefault("change.has_impact_note", bool(change.impact))
    claims["change.remediates"] = change.remediates is not None
    claims["artifact.count"] = len(change.artifacts)
    claims["artifact.has_digest"] = bool(change.artifacts)
    if here.running is None or change.base == here.running.commit:
        return claims, notes(heard)
    counted = {name: value for name, value in claims.items() if not name.startswith("diff.")}
    left_out_before = before is not None and any(note.rule == BASE_DIFFERS for note in before.notes)
    # No note where the host measured the diff itself, or where there was no claim to leave out.
    if (heard is not None and heard.base is not None) or (
        len(counted) == len(claims) and not left_out_before
    ):
        return counted, notes(heard)
    measured = f"was measured from {change.base[:12]}" if change.base else "names no base"
    because = (
        f"the diff {measured}, but {here.running.commit[:12]} runs here, so it counts as "
        "unknown; measure it from there"
    )
    return counted, (
        gate_finding(BASE_DIFFERS, "Base differs", because),
        *notes(heard),
    )
