"""The triage list: what somebody has to look after now, the same for everybody."""

from datetime import datetime

from sqlalchemy import Connection

from gate.core.learning.concerns import TRIAGE, Concern
from gate.flow.answers.insights.concern import ConcernAnswer, TriageAnswer
from gate.flow.gate import Gate
from gate.flow.learning import concerns, proposals
from gate.flow.rulebooks import Rulebook, Rulebooks


async def triage(gate: Gate, kind: Concern | None = None) -> TriageAnswer:
    """Return what is to be looked after, by kind; of one kind alone, all that was found."""
    book = await gate.rulebooks.current()
    return await gate.store.read_slowly(_read, gate.rulebooks, book, gate.clock(), kind)


def _read(
    conn: Connection, books: Rulebooks, book: Rulebook, now: datetime, kind: Concern | None
) -> TriageAnswer:
    kinds = TRIAGE if kind is None else (kind,)
    shown = concerns.SHOWN_MAX if kind is None else concerns.FOUND_MAX
    found = tuple(
        concerns.listed(one, found_of_kind(conn, books, book, now, one), shown) for one in kinds
    )
    return TriageAnswer(at=now, n=sum(one.n for one in found), concerns=found)


def found_of_kind(
    conn: Connection, books: Rulebooks, book: Rulebook, at: datetime, kind: Concern
) -> list[ConcernAnswer]:
    """Return everything of one kind that was to be looked after at this instant.

    Failures that recur are left out if an item of the register is open for them today, whatever
    instant is asked about.
    """
    catalogue = book.catalogue
    match kind:
        case Concern.UNLINKED_INCIDENT:
            found = concerns.unlinked_incidents(conn, catalogue, at)
        case Concern.FAILED_WITHOUT_REVIEW:
            found = concerns.failed_without_review(conn, catalogue, at)
        case Concern.REVIEW_OVERDUE:
            found = concerns.late_reviews(conn, at)
        case Concern.AGEING:
            found = concerns.ageing(conn, catalogue, at)
        case Concern.RECURRING:
            proposed = proposals.recurring_now(conn, books, at)
            found = concerns.recurring(conn, catalogue, proposed, at)
        case Concern.IMPROVEMENT_OVERDUE:
            found = concerns.late_improvements(conn, at)
        case Concern.RULE_OVERDUE:
            found = concerns.late_rules(book.policies, book.calendar, at)
    return found
