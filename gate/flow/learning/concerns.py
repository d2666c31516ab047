"""What nobody has mended yet, of each kind: what was found, since when, who answers for it, and
where it is mended.

Each question is asked as of an instant, so that a week that is over can be asked about as well.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from urllib.parse import quote, urlencode

from sqlalchemy import Connection

from gate.core.calendar.calendar import Calendar
from gate.core.catalogue.catalogue import OWNERS_OF_LAST_RESORT, Catalogue
from gate.core.change import Result
from gate.core.counting import counted
from gate.core.durations import span
from gate.core.learning.concerns import AGEING_MIN, LOOKED_BACK, Concern
from gate.core.learning.improvements import Signal
from gate.core.policy.controls import entries
from gate.core.policy.set import Policies
from gate.flow.answers.delivery import spread
from gate.flow.answers.insights.concern import ConcernAnswer, ConcernsAnswer
from gate.flow.answers.insights.improvement import ProposalAnswer
from gate.storage import texts
from gate.storage.changes import change_list
from gate.storage.figures import concerns, waits
from gate.storage.figures.concerns import Waiting

FOUND_MAX = 500
"""So many things of one kind are looked for; with more, the oldest of them are enough work."""

SHOWN_MAX = 20
"""So many of one kind are listed where others are listed too."""

_HOUR = timedelta(hours=1)


def listed(
    kind: Concern, found: Sequence[ConcernAnswer], shown: int, page: str = ""
) -> ConcernsAnswer:
    """Return the things of one kind, without those behind the first `shown`. `page` has all."""
    items = tuple(found[:shown])
    return ConcernsAnswer(
        kind=kind,
        n=len(found),
        items=items,
        more=len(found) - len(items),
        page=page or f"/triage?kind={kind.value}",
    )


def unlinked_incidents(conn: Connection, catalogue: Catalogue, at: datetime) -> list[ConcernAnswer]:
    """Return the incidents of the last days that no change is tied to."""
    found = concerns.unlinked(conn, at - LOOKED_BACK, FOUND_MAX)
    said = texts.read_texts(conn, [one.title for one in found])
    return [
        ConcernAnswer(
            kind=Concern.UNLINKED_INCIDENT,
            service=one.service,
            environment=one.environment,
            title=said.get(one.title),
            found=f"An incident ({one.severity}) that is tied to no change",
            since=one.began_at,
            owners=catalogue.answering_for(one.service),
            changes=(),
            page=f"/incidents/{one.id}",
        )
        for one in found
    ]


def failed_without_review(
    conn: Connection, catalogue: Catalogue, at: datetime
) -> list[ConcernAnswer]:
    """Return the changes that failed in the last days and of which nobody has held a review."""
    found = concerns.unreviewed(conn, at - LOOKED_BACK, FOUND_MAX)
    titles = change_list.titles(conn, [one.id for one in found])
    return [
        ConcernAnswer(
            kind=Concern.FAILED_WITHOUT_REVIEW,
            service=one.service,
            environment=one.environment,
            title=titles.get(one.id),
            found=f"It {ended(one.result)}, and nobody has held its review",
            since=one.failed_at,
            owners=catalogue.answering_for(one.service),
            changes=(one.id,),
            page=f"/changes/{one.id}#happened",
        )
        for one in found
    ]


def late_reviews(conn: Connection, at: datetime) -> list[ConcernAnswer]:
    """Return the reviews that were overdue at this instant. They keep their owners' changes from
    passing by themselves.
    """
    found = concerns.late_reviews(conn, at, FOUND_MAX)
    titles = change_list.titles(conn, [one.change for one in found])
    return [
        ConcernAnswer(
            kind=Concern.REVIEW_OVERDUE,
            service=one.service,
            environment=one.environment,
            title=titles.get(one.change),
            found="The review after an emergency is overdue",
            since=one.due_at,
            owners=tuple(one.owners),
            changes=(one.change,),
            page=f"/changes/{one.change}#happened",
        )
        for one in found
    ]


def ageing(conn: Connection, catalogue: Catalogue, at: datetime) -> list[ConcernAnswer]:
    """Return the changes that had waited at this instant for longer than nine of ten before them.

    Where nobody has decided anything before, half a working day is too long.
    """
    usual: dict[tuple[str, str], int | None] = {}
    found: list[tuple[Waiting, int | None]] = []
    for one in concerns.waiting(conn, at, at - AGEING_MIN, FOUND_MAX):
        place = (one.service, one.environment)
        if place not in usual:
            usual[place] = spread(waits.newest_seconds(conn, *place, at)).p90
        seconds = usual[place]
        if at - one.submitted_at >= timedelta(seconds=seconds or 0):
            found.append((one, seconds))
    titles = change_list.titles(conn, [one.id for one, _ in found])
    return [
        ConcernAnswer(
            kind=Concern.AGEING,
            service=one.service,
            environment=one.environment,
            title=titles.get(one.id),
            found=_waited(at - one.submitted_at, seconds),
            since=one.submitted_at,
            owners=catalogue.answering_for(one.service),
            changes=(one.id,),
            page=f"/changes/{one.id}",
        )
        for one, seconds in found
    ]


def _waited(waited: timedelta, usual_seconds: int | None) -> str:
    hours = counted(waited // _HOUR, "hour")
    if usual_seconds is None:
        return f"It has waited {hours}, and nobody decided anything here before"
    return f"It has waited {hours}; nine of ten before it waited at most {span(usual_seconds)}"


def recurring(
    conn: Connection, catalogue: Catalogue, found: Iterable[ProposalAnswer], at: datetime
) -> list[ConcernAnswer]:
    """Return the services and paths that fail again and again, of which no improvement is begun."""
    return [
        ConcernAnswer(
            kind=Concern.RECURRING,
            service=one.service,
            environment=one.environment,
            title=None,
            found=one.evidence,
            since=concerns.first_failed_at(conn, one.changes) or at,
            owners=catalogue.answering_for(one.service),
            changes=one.changes,
            page=page_of(one),
        )
        for one in found
        if one.signal in {Signal.RECURRING_FAILURES, Signal.RECURRING_PATH}
    ]


def late_improvements(conn: Connection, at: datetime) -> list[ConcernAnswer]:
    """Return the items of the register that were due at this instant and not closed."""
    found = concerns.late_improvements(conn, at, FOUND_MAX)
    said = texts.read_texts(conn, [one.experiment for one in found])
    return [
        ConcernAnswer(
            kind=Concern.IMPROVEMENT_OVERDUE,
            service=one.service,
            environment=one.environment,
            title=said.get(one.experiment),
            found="An improvement is due, and nobody has said what came of it",
            since=one.due_at,
            owners=(one.owner,),
            changes=(),
            page="/improvements#items",
        )
        for one in found
    ]


def late_rules(policies: Policies, calendar: Calendar, at: datetime) -> list[ConcernAnswer]:
    """Return the rules, requirements and standard changes in force whose day of review has
    passed.
    """
    today = at.astimezone(calendar.zone).date()
    return [
        ConcernAnswer(
            kind=Concern.RULE_OVERDUE,
            service=None,
            environment=None,
            title=one.title or one.id,
            found=f"{one.kind.replace('_', ' ').capitalize()} {one.policy}/{one.id} was to be "
            f"reviewed by {day.isoformat()}",
            since=_midnight_after(day, calendar),
            owners=(OWNERS_OF_LAST_RESORT,),
            changes=(),
            page=f"/policies/rules/{quote(one.policy)}/{quote(one.id)}",
        )
        for one in entries(policies.all)
        if (day := one.grounds.review_by) is not None and one.grounds.overdue(today)
    ][:FOUND_MAX]


def page_of(one: ProposalAnswer) -> str:
    """Return the address where somebody takes a proposal."""
    return f"/improvements?{urlencode({'proposal': one.id})}#item"


def ended(result: Result | None) -> str:
    """Return how a failed change ended, as a predicate."""
    match result:
        case Result.ROLLED_BACK:
            return "was rolled back"
        case Result.UNSUCCESSFUL:
            return "ended unsuccessful"
        case None:
            return "is tied to an incident, and its end was never reported"
        case _:
            return "is tied to an incident"


def _midnight_after(day: date, calendar: Calendar) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=calendar.zone)
