"""The verdict for a controller that polls: may this commit be deployed to this place?

The answer is what an admission would say now to the run that submitted the change, if the code host
confirmed the run again. Nothing is written, so a controller may ask as often as it likes.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from gate.core.calendar import freeze
from gate.core.change import FAILED_RESULTS, Run, State
from gate.core.decision.admission import Refusal, refusal
from gate.core.decision.places import unknown_names
from gate.core.decision.values import gate_finding
from gate.errors import Invalid
from gate.flow.answers.parts import utc
from gate.flow.answers.reasons import ReasonAnswer, reasons, short_reason
from gate.flow.answers.verdict import Phase, VerdictAnswer
from gate.flow.caller import Caller
from gate.flow.changes.judged import admission_case, outlived, place_of
from gate.flow.changes.known import Known, know_stored
from gate.flow.gate import Gate
from gate.flow.queries.look import windows_to_come
from gate.flow.rulebooks import Rulebook, Rulebooks
from gate.flow.scope import require_service
from gate.storage.changes import history, verdicts

KEPT_SECONDS = 5
"""How long a cache may keep the answer."""


REASONS_MAX = 20
"""The most reasons in an answer, because what is polled should stay small. The page has all."""


@dataclass(frozen=True, slots=True)
class VerdictQuery:
    """The place, and what is to be deployed: a whole commit hash, a whole digest of an artifact, or
    both.
    """

    service: str
    environment: str
    commit: str | None = None
    digest: str | None = None


class _Word(NamedTuple):
    """The phase, and the reason for it where the change itself does not give one."""

    phase: Phase
    because: str = ""


_OF_STATE = {
    State.PENDING: _Word(Phase.PENDING),
    State.REJECTED: _Word(Phase.FAILURE, "the change was rejected"),
    State.EXPIRED: _Word(Phase.FAILURE, "the change has expired; ask for it again"),
    State.CANCELED: _Word(Phase.FAILURE, "the change was canceled; ask for it again"),
}
_SUCCESS = _Word(Phase.SUCCESS)
_SUPERSEDED = _Word(Phase.FAILURE, "a later change was deployed here after this one")
_FAILED = _Word(Phase.FAILURE, "the deployment of this change failed, or was rolled back")
_UNKNOWN = "nobody has asked for it here yet; the pipeline that builds it submits it"


async def verdict(gate: Gate, query: VerdictQuery, by: Caller) -> VerdictAnswer:
    """Return the phase of a commit or artifact in a place, the reasons, and when the place opens.

    A place that the catalogue lacks and a commit that nobody submitted are answered like any other.
    Raises `Invalid` if neither commit nor digest is named, and `NotAllowed` outside the caller's
    services.
    """
    require_service(by, query.service)
    if query.commit is None and query.digest is None:
        raise Invalid("name what is to be deployed: ?commit= or ?digest=, in full")
    book = await gate.rulebooks.current()
    return await gate.store.read(_read, gate.rulebooks, book, query, gate.clock(), gate.base_url)


def _read(
    conn: Connection,
    books: Rulebooks,
    book: Rulebook,
    query: VerdictQuery,
    at: datetime,
    base_url: str,
) -> VerdictAnswer:
    place = book.catalogue.environment_named(query.environment)
    stored = verdicts.newest_of(
        conn, query.service, place, commit=query.commit, digest=query.digest
    )
    known = None if stored is None else know_stored(conn, books, stored, book)
    word = _unheard_of(book, query, place) if known is None else _word(conn, known, book, at)
    waits = word.phase is Phase.PENDING
    return VerdictAnswer(
        phase=word.phase,
        outcome=known.record.decision.outcome if known else None,
        reasons=tuple(map(short_reason, (*_because(word), *_reasons_of_decision(known)))),
        change=known.stored.id if known else None,
        next_opening=_next_opening(conn, book, query.service, place, at) if waits else None,
        page=f"{base_url}/changes/{known.stored.id}" if known else f"{base_url}/",
    )


def _unheard_of(book: Rulebook, query: VerdictQuery, place: str) -> _Word:
    """Return a pending phase whose reason includes names that the catalogue lacks.

    Without these names a controller would wait for ever on a misspelt one.
    """
    names = unknown_names(book.catalogue, query.service, place)
    return _Word(Phase.PENDING, "; ".join((_UNKNOWN, *names)))


def _reasons_of_decision(known: Known | None) -> tuple[ReasonAnswer, ...]:
    if known is None:
        return ()
    findings = known.record.decision.findings[:REASONS_MAX]
    return reasons(findings, known.record.case.facts, known.policy)


def _word(conn: Connection, known: Known, book: Rulebook, at: datetime) -> _Word:
    state = known.stored.state_at(at)
    if state in _OF_STATE:
        return _OF_STATE[state]
    if state is State.APPROVED:
        return _may_start(conn, known, book, at)
    if known.stored.result in FAILED_RESULTS:
        return _FAILED
    if verdicts.is_superseded(conn, known.stored):
        return _SUPERSEDED
    return _SUCCESS


def _may_start(conn: Connection, known: Known, book: Rulebook, at: datetime) -> _Word:
    """Return what the change's own run would be answered now if the code host confirmed the run
    again.

    No host is asked here. So an admission may be refused although this is a success: when the host
    was last asked more than ten minutes ago and no token is lent to it (decision 22).
    """
    refused = _refusal(conn, known, book, at)
    if refused is None:
        return _SUCCESS
    ends = known.record.asked.planned.end
    over = ends is not None and at > ends
    return _Word(Phase.FAILURE if over else Phase.PENDING, refused.detail)


def _refusal(conn: Connection, known: Known, book: Rulebook, at: datetime) -> Refusal | None:
    run = known.record.asked.run or Run("")
    here = history.track_record(conn, place_of(known, book, at))
    case = admission_case(conn, known, here, book, at)
    return refusal(case, case.subject, run, case.proved, at=at) or outlived(
        conn, known, here, book, at
    )


def _because(word: _Word) -> tuple[ReasonAnswer, ...]:
    if not word.because:
        return ()
    return reasons((gate_finding("verdict", "Verdict", word.because),), {}, None)


def _next_opening(
    conn: Connection, book: Rulebook, service: str, place: str, at: datetime
) -> datetime | None:
    windows, _ = windows_to_come(conn, at)
    scope = freeze.scope_of(book.catalogue, service, place)
    if freeze.held(book.calendar, windows, scope, at) is None:
        return None
    return utc(freeze.next_opening(book.calendar, windows, scope, at))
