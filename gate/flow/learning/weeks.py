"""The weekly pack, for the standup, the review and the retrospective.

A week is asked about as of its end, or as of now while it goes on. So a week that is over says the
same whenever it is asked for, until people correct what it is about: tie an incident to a change,
or postpone an item.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlencode

from sqlalchemy import Connection

from gate.core.change import Result
from gate.core.delivery import unwell_since, well_again_at
from gate.core.learning.concerns import OVERDUE, Recovery
from gate.core.learning.weeks import Week, read_week, week_of
from gate.errors import Invalid
from gate.flow.answers.insights.improvement import CauseAnswer, ProposalAnswer
from gate.flow.answers.insights.week import (
    FailureAnswer,
    FailuresAnswer,
    RecoveryAnswer,
    WaitAnswer,
    WaitedAnswer,
    WaitedForAnswer,
    WaitsAnswer,
    WeekAnswer,
)
from gate.flow.gate import Gate
from gate.flow.learning import concerns, proposals
from gate.flow.learning.triage import found_of_kind
from gate.flow.rulebooks import Rulebook, Rulebooks
from gate.storage import texts
from gate.storage.changes import change_list
from gate.storage.figures import waits, weeks
from gate.storage.figures.waits import OF_THE_CHANGE, WaitFilters, WaitSum
from gate.storage.figures.weeks import Cause, FailedChange, Success

SHOWN_MAX = 20
"""So many lines a list of the pack has; `part` asks for all of one list."""

WHOLE_MAX = 500
CAUSES_MAX = 1_000
CANDIDATES = 3

_SECOND = timedelta(seconds=1)


class PackPart(StrEnum):
    """A part of the pack that may be asked for with all its lines."""

    FAILED = "failed"
    WAITED = "waited"
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True)
class WeekQuery:
    """The week that is asked for, the one that goes on if it is None."""

    week: str | None = None
    part: PackPart | None = None


@dataclass(frozen=True, slots=True)
class _WeekAsOf:
    """A week with its instants; `at` is its end, or now while it goes on."""

    week: Week
    begins: datetime
    ends: datetime
    at: datetime
    over: bool
    part: PackPart | None = None

    def shown(self, part: PackPart) -> int:
        """Return how many lines a list of this part has."""
        return WHOLE_MAX if self.part is part else SHOWN_MAX

    def page(self, part: PackPart) -> str:
        """Return the address of this part with all its lines."""
        asked = urlencode({"week": self.week.name, "part": part.value})
        return f"/weekly?{asked}#{part.value}"


async def pack(gate: Gate, query: WeekQuery) -> WeekAnswer:
    """Return the pack of a week. Raises `Invalid` for a week that has not begun."""
    book = await gate.rulebooks.current()
    asked = _asked(book, query.week, gate.clock(), query.part)
    return await gate.store.read_slowly(_read, gate.rulebooks, book, asked)


async def waits_of(gate: Gate, filters: WaitFilters) -> WaitsAnswer:
    """Return the changes that waited in a week, for one group or in one place, or all."""
    book = await gate.rulebooks.current()
    week = _asked(book, filters.week, gate.clock(), None).week
    return await gate.store.read_slowly(_waits, replace(filters, week=week.name))


def _asked(book: Rulebook, name: str | None, now: datetime, part: PackPart | None) -> _WeekAsOf:
    zone = book.calendar.zone
    if name is None:
        week = week_of(now, zone)
    else:
        try:
            week = read_week(name)
        except ValueError as error:
            raise Invalid(f"`week`: {error}") from None
    begins, ends = week.begins(zone), week.ends(zone)
    if begins > now:
        raise Invalid(
            f"`week`: {week.name} has not begun; the week that goes on is {week_of(now, zone).name}"
        )
    return _WeekAsOf(week, begins, ends, min(ends, now), ends <= now, part)


def _read(conn: Connection, books: Rulebooks, book: Rulebook, asked: _WeekAsOf) -> WeekAnswer:
    return WeekAnswer(
        week=asked.week.name,
        time_zone=book.calendar.time_zone,
        from_=asked.begins,
        to=asked.ends,
        at=asked.at,
        over=asked.over,
        failed=_failures(conn, asked),
        waited=_waited(conn, asked),
        overdue=tuple(
            concerns.listed(
                kind,
                found_of_kind(conn, books, book, asked.at, kind),
                asked.shown(PackPart.OVERDUE),
                asked.page(PackPart.OVERDUE),
            )
            for kind in OVERDUE
        ),
        candidates=_candidates(conn, books, book, asked),
        before=asked.week.before.name,
        after=asked.week.after.name if asked.over else None,
        page=f"/weekly?week={asked.week.name}",
    )


def _failures(conn: Connection, asked: _WeekAsOf) -> FailuresAnswer:
    found = weeks.failed(conn, asked.begins, asked.at, asked.shown(PackPart.FAILED))
    ids = [one.id for one in found]
    tied, notes = weeks.causes(conn, ids, CAUSES_MAX), weeks.notes(conn, ids)
    titles = change_list.titles(conn, ids)
    said = texts.read_texts(conn, [*(one.title for one in tied), *notes.values()])
    n = weeks.count_failed(conn, asked.begins, asked.at)
    return FailuresAnswer(
        n=n,
        deployments=weeks.count_deployments(conn, asked.begins, asked.at),
        items=tuple(
            FailureAnswer(
                change=one.id,
                title=titles.get(one.id),
                service=one.service,
                environment=one.environment,
                failed_at=one.failed_at,
                result=one.result,
                notes=said.get(notes.get(one.id, "")),
                incidents=tuple(
                    CauseAnswer(cause.id, said.get(cause.title))
                    for cause in tied
                    if cause.change == one.id
                ),
                recovery=_recovery(conn, one, tied, asked.at),
            )
            for one in found
        ),
        more=n - len(found),
        page=asked.page(PackPart.FAILED),
    )


def _recovery(
    conn: Connection, one: FailedChange, tied: Iterable[Cause], at: datetime
) -> RecoveryAnswer:
    """Return how the place became well again until this instant."""
    incidents = [(cause.began_at, cause.resolved_at) for cause in tied if cause.change == one.id]
    success = weeks.next_success(conn, one)
    next_success_at = None if success is None else success.ended_at
    over = well_again_at(one.result, one.failed_at, incidents, next_success_at)
    if over is None or over > at:
        return RecoveryAnswer(Recovery.NOT_YET, None, None, None)
    began = unwell_since(one.admitted_at, incidents)
    helped = success if success is not None and success.ended_at <= over else None
    return RecoveryAnswer(
        _method(one, helped),
        helped.change if helped else None,
        over,
        max((over - began) // _SECOND, 0),
    )


def _method(one: FailedChange, helped: Success | None) -> Recovery:
    if one.result is Result.ROLLED_BACK or (helped and helped.direction == "rollback"):
        return Recovery.ROLLED_BACK
    if helped is None:
        return Recovery.RESOLVED
    return Recovery.REDEPLOYED if helped.direction == "redeploy" else Recovery.FIXED_FORWARD


def _waited(conn: Connection, asked: _WeekAsOf) -> WaitedAnswer:
    found = waits.sums(conn, asked.week.name)
    places = [one for one in found if one.group == OF_THE_CHANGE]
    groups = _by_group(one for one in found if one.group != OF_THE_CHANGE)
    seconds, shown = sum(one.seconds for one in places), asked.shown(PackPart.WAITED)
    return WaitedAnswer(
        changes=sum(one.changes for one in places),
        seconds=seconds,
        groups=tuple(_waited_for(asked, one, seconds) for one in groups[:shown]),
        more_groups=max(len(groups) - shown, 0),
        places=tuple(_waited_for(asked, one, seconds) for one in places[:shown]),
        more_places=max(len(places) - shown, 0),
        page=asked.page(PackPart.WAITED),
        all=_waits_page(asked),
    )


def _by_group(found: Iterable[WaitSum]) -> list[WaitSum]:
    """Return the sums of each group over all places, the one that was waited for most in front."""
    groups: dict[str, WaitSum] = {}
    for one in found:
        known = groups.get(one.group, WaitSum(one.group, "", "", 0, 0))
        groups[one.group] = known._replace(
            changes=known.changes + one.changes,
            seconds=known.seconds + one.seconds,
        )
    return sorted(groups.values(), key=lambda one: (-one.seconds, one.group))


def _waited_for(asked: _WeekAsOf, one: WaitSum, whole: int) -> WaitedForAnswer:
    where = {"group": one.group, "service": one.service, "environment": one.environment}
    return WaitedForAnswer(
        group=one.group or None,
        service=one.service or None,
        environment=one.environment or None,
        changes=one.changes,
        seconds=one.seconds,
        share=round(one.seconds / whole, 4) if whole else 0.0,
        page=_waits_page(asked, **{name: given for name, given in where.items() if given}),
    )


def _waits_page(asked: _WeekAsOf, **where: str) -> str:
    return f"/weekly/waits?{urlencode({'week': asked.week.name, **where})}"


def _candidates(
    conn: Connection, books: Rulebooks, book: Rulebook, asked: _WeekAsOf
) -> tuple[ProposalAnswer, ...]:
    """Return the best proposals of the register: failures that recur come first, as in its list,
    and each place is named once before another one of it is.
    """
    found = (
        proposals.as_of(conn, books, book, asked.at)
        if asked.over
        else proposals.found_now(conn, books, book, asked.at)
    )
    seen: set[tuple[str, str]] = set()
    first: list[ProposalAnswer] = []
    others: list[ProposalAnswer] = []
    for one in found:
        place = (one.service, one.environment)
        (others if place in seen else first).append(one)
        seen.add(place)
    return tuple([*first, *others][:CANDIDATES])


def _waits(conn: Connection, filters: WaitFilters) -> WaitsAnswer:
    found = waits.longest(conn, filters, WHOLE_MAX + 1)
    shown = found[:WHOLE_MAX]
    titles = change_list.titles(conn, [one.change for one in shown])
    return WaitsAnswer(
        week=filters.week,
        group=filters.group,
        service=filters.service,
        environment=filters.environment,
        items=tuple(
            WaitAnswer(
                change=one.change,
                title=titles.get(one.change),
                service=one.service,
                environment=one.environment,
                seconds=one.seconds,
                decided_at=one.ended_at,
            )
            for one in shown
        ),
        more=len(found) > len(shown),
    )
