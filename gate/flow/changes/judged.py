"""Whether an approval still holds. An approved change is judged again by the present state, at its
admission and when a controller asks for a verdict.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from gate.core import history
from gate.core.calendar import freeze
from gate.core.change import State
from gate.core.counting import counted
from gate.core.decision.admission import AdmissionCase, Refusal, fires_more
from gate.core.decision.decide import Case, decide
from gate.core.decision.evaluate import looks_at
from gate.core.decision.guards import HOST_FACTS_FRESH_MINUTES
from gate.core.decision.sentences import sentence
from gate.core.decision.values import Outcome, Route
from gate.core.facts import FILES, Origin
from gate.core.history import TrackRecord, direction
from gate.flow.changes.gather import debt_of, earned_here, to_earn
from gate.flow.changes.held import would_hold
from gate.flow.changes.known import Known
from gate.flow.changes.listen import SILENT, asked_at
from gate.flow.changes.rejected import judged, rejection_in_force
from gate.flow.identity.membership import still_missing
from gate.flow.rulebooks import Rulebook
from gate.storage.changes import approvals, post_reviews
from gate.storage.changes.approvals import Placed
from gate.storage.changes.history import PlaceQuery

STALE = "stale_decision"
OF_OTHERS = frozenset({Origin.CLAIMED, Origin.TOKEN, Origin.VERIFIED})
OF_FREEZES = frozenset({"calendar.frozen", "calendar.freeze"})


def place_of(known: Known, book: Rulebook, at: datetime) -> PlaceQuery:
    """Return the query for the track record of the place of a change."""
    stored = known.stored
    return PlaceQuery(
        service=stored.service,
        environment=stored.environment,
        commit=stored.commit_sha,
        now=at,
        digests=stored.digests,
        files=known.files.paths if FILES in known.record.case.facts else None,
        depends_on=book.catalogue.depends_on(stored.service),
        earning=to_earn(book, at),
        change=stored.id,
    )


def admission_case(
    conn: Connection, known: Known, here: TrackRecord, book: Rulebook, at: datetime
) -> AdmissionCase:
    """Return the change, with the state of its place at this instant."""
    stored, record = known.stored, known.record
    return AdmissionCase(
        subject=record.subject,
        state=stored.state_at(at),
        admitted_run=stored.admitted_run,
        proved=known.proof,
        planned=record.asked.planned,
        hold=would_hold(conn, stored, book, at),
        others_deploying=tuple(one.change for one in here.in_flight if one.deploying),
        parallel=stored.parallel,
        decided_direction=stored.direction,
        direction=direction(here, stored.commit_sha, stored.digests),
        what_ran=stored.running_change,
        what_runs=here.running.change if here.running else None,
        observed=known.observed,
        observing=book.catalogue.observes(stored.service, stored.environment),
        looks_at_workflow=_looks_at(known, book, "change.workflow"),
        looks_at_environment=_looks_at(known, book, "environment.proved"),
    )


def _looks_at(known: Known, book: Rulebook, fact: str) -> bool:
    """Return whether the policy that decided uses this fact, or the choice of a policy does."""
    chooses = fact in book.policies.looked_at
    return chooses or (known.policy is not None and looks_at(known.policy, fact))


def is_out_of_date(known: Known, at: datetime) -> bool:
    """Return whether the code host must be asked again before this change is admitted.

    It must be if the change was approved automatically by facts of the host that are too old.
    """
    if known.record.decision.route is not Route.AUTOMATIC:
        return False
    since = asked_at(known)
    passed = known.stored.state_at(at) is State.APPROVED
    return passed and since is not None and at - since > timedelta(minutes=HOST_FACTS_FRESH_MINUTES)


def outlived(
    conn: Connection,
    known: Known,
    here: TrackRecord,
    book: Rulebook,
    at: datetime,
    heard: Case | None = None,
) -> Refusal | None:
    """Return why the approval no longer holds, or None if it does.

    `heard` has what the code host said when it was asked again; None if it was not. Freezes and
    other deployments are not looked at here: they pass, and the approval stays.
    """
    return (
        _lacking(known, book)
        or _shared(known)
        or _rejected_meanwhile(conn, known, book)
        or _passes_no_longer(conn, known, here, book, at, heard or known.record.case)
        or _grown(known, here)
    )


def _lacking(known: Known, book: Rulebook) -> Refusal | None:
    """Return a refusal if approvals are missing now, or None.

    They are counted once more, because a person who has left the group since, or turned out to be
    excluded, no longer counts.
    """
    if known.record.decision.outcome is not Outcome.PENDING:
        return None
    lacking = sum(
        still_missing(known.approvals, known.record, known.people.excluded, book.catalogue)
    )
    if not lacking:
        return None
    because = "an approver has left the group, or wrote or asked for the change"
    lapsed = counted(lacking, "approval no longer counts", "approvals no longer count")
    return Refusal(
        "not_approved",
        f"{lapsed}, because {because}; it is decided again, and waits for others",
    )


def _shared(known: Known) -> Refusal | None:
    """Return a refusal if a login of several people was named since the decision, or None.

    Nobody knows which of them it was, so another decision has to ask two people for approval.
    """
    if (
        known.record.decision.outcome is not Outcome.PENDING
        or known.people.shared == known.record.case.people.shared
    ):
        return None
    return Refusal(
        STALE,
        "an identity that was named since belongs to several people; it is decided again, "
        "ask once more",
    )


def _rejected_meanwhile(conn: Connection, known: Known, book: Rulebook) -> Refusal | None:
    """Return a refusal if a person has rejected the commit here, by any change, or None.

    Only what passed by itself is looked at: where people approved, they have decided themselves.
    """
    stored = known.stored
    if known.record.decision.route is not Route.AUTOMATIC or stored.direction == "rollback":
        return None
    placed = Placed(stored.service, stored.environment, stored.commit_sha)
    (found,) = judged(conn, approvals.rejections(conn, [placed]), [book])
    rejected = rejection_in_force(found, known.people.excluded)
    if rejected is None:
        return None
    return Refusal(
        STALE,
        f"a person rejected this commit here as {rejected}; it is decided again, ask once more",
    )


def _passes_no_longer(
    conn: Connection,
    known: Known,
    here: TrackRecord,
    book: Rulebook,
    at: datetime,
    heard: Case,
) -> Refusal | None:
    """Return a refusal if a change that passed by itself would not pass now, or None.

    It is decided once more, by the policies, the catalogue, the hour and the history of this
    moment, and by what the code host said last. Otherwise several changes could be approved at once
    for times far ahead, and each would outlive the failures of those before it.
    """
    if known.record.decision.route is not Route.AUTOMATIC:
        return None
    overdue = debt_of(known.stored.service, post_reviews.overdue(conn, at), book)
    case = _case_now(known, here, book, at, heard, overdue)
    now = decide(book.policies, case)
    if now.outcome is Outcome.APPROVED:
        return None
    silent = [dict(note.seen)["because"] for note in heard.notes if note.rule == SILENT]
    finding = sentence(now.findings[0], case.facts, book.policies.named(now.policy))
    because = "; ".join((finding, *silent))
    return Refusal(
        STALE,
        f"it passed by itself when it was decided, and would not now: {because}; it is decided "
        "again, ask once more",
    )


def _case_now(
    known: Known, here: TrackRecord, book: Rulebook, at: datetime, heard: Case, overdue: int
) -> Case:
    """Return the case of this moment: what others said last, and what the gate knows by now.

    Freezes, other changes and rejections are left as they were or left out, because the admission
    looks at each of them on its own.
    """
    stored, decided = known.stored, known.record.case.facts
    said = {name: fact for name, fact in heard.facts.items() if fact.origin in OF_OTHERS}
    frozen = {name: fact for name, fact in decided.items() if name in OF_FREEZES}
    of_history = history.facts(
        here,
        stored.commit_sha,
        stored.digests,
        # Of the files of the decision, because the track record was read for them.
        files_known=FILES in decided and FILES in said,
        overdue_reviews=overdue,
        at=at,
    )
    return heard._replace(
        facts={
            **said,
            **book.catalogue.facts(stored.service, stored.environment),
            **freeze.facts((), book.calendar, at),
            **frozen,
            **of_history,
        },
        at=at,
        holds=(),
        in_flight=0,
        deploying=0,
        in_the_way=(),
        overdue_reviews=overdue,
        rejection=None,
        standard_statuses=earned_here(book, here, at),
        # A change that only was observed is not judged here.
        observing=False,
    )


def _grown(known: Known, here: TrackRecord) -> Refusal | None:
    """Return a refusal if what was deployed since the decision fires a further rule, or None.

    Otherwise a large change could be cut into many small ones, each of which passes by itself.
    """
    record = known.record
    policy = known.policy
    if record.decision.route is not Route.AUTOMATIC or policy is None:
        return None
    rule = fires_more(
        policy,
        record.case.facts,
        changes_last_24h=here.changes_last_24h,
        lines_last_24h=here.lines_last_24h,
    )
    if rule is None:
        return None
    return Refusal(
        STALE,
        f"rule {rule} gives points now, because of what was deployed here since the decision; "
        "it is decided again, ask once more",
    )
