"""What the gate proposes to improve, from its own figures, each with its evidence.

A proposal is found anew whenever somebody asks: nothing is kept of it, so it is gone when its cause
is. No decision reads any of this.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from urllib.parse import urlencode

from sqlalchemy import Connection

from gate.core.counting import counted
from gate.core.days import Days, days_touched
from gate.core.learning.concerns import AGEING_MIN
from gate.core.learning.improvements import (
    BYPASSED_MIN,
    LOOKED_BACK_DAYS,
    MEASURED_BY,
    RECURRING_DAYS,
    WAITED_EACH_MIN_SECONDS,
    WAITED_MIN,
    WAITED_WEEKS,
    Signal,
    group_mostly_waited_for,
    recurring,
    separates,
)
from gate.core.learning.weeks import week_of
from gate.core.policy.set import rule_titles
from gate.flow.answers.delivery import spread
from gate.flow.answers.insights.improvement import CauseAnswer, ProposalAnswer, ProposalsAnswer
from gate.flow.changes.known import Known, know_existing
from gate.flow.gate import Gate
from gate.flow.policies import standard_changes
from gate.flow.rulebooks import Rulebook, Rulebooks
from gate.storage.audit import deployments
from gate.storage.audit.within import Within
from gate.storage.figures import improvements, insights, proposals, scorecard, waits
from gate.storage.figures.proposals import FailingPlace
from gate.storage.figures.waits import WaitFilters, WaitSum

SHOWN_MAX = 100
CHANGES_NAMED_MAX = 20
PATHS_NAMED_MAX = 5
FAILING_PLACES_MAX = 10
"""Of so many places with recurring failures the newest ones are read one by one."""

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_SECOND = timedelta(seconds=1)


async def listing(gate: Gate) -> ProposalsAnswer:
    """Return the proposals of now, without those of which an item is open."""
    book = await gate.rulebooks.current()
    found = await gate.store.read_slowly(found_now, gate.rulebooks, book, gate.clock())
    return ProposalsAnswer(found)


def found_now(
    conn: Connection, books: Rulebooks, book: Rulebook, now: datetime
) -> tuple[ProposalAnswer, ...]:
    """Return the proposals of now, without those of which an item is open."""
    taken = improvements.taken(conn)
    found = [
        *_recurring(conn, books, now),
        *_bypassed(conn, now),
        *_near_suspension(conn, book, now),
        *_ageing(conn, now),
        *_one_groups(conn, now, book.calendar.zone),
        *_escalated(conn, now),
        *_never_separating(conn, book, now),
    ]
    return tuple(one for one in found if one.id not in taken)[:SHOWN_MAX]


def recurring_now(conn: Connection, books: Rulebooks, now: datetime) -> tuple[ProposalAnswer, ...]:
    """Return the places and paths that fail again and again, without those of which an item is
    open.
    """
    taken = improvements.taken(conn)
    return tuple(one for one in _recurring(conn, books, now) if one.id not in taken)


def as_of(
    conn: Connection, books: Rulebooks, book: Rulebook, at: datetime
) -> tuple[ProposalAnswer, ...]:
    """Return the proposals as they were at an instant that is over.

    What waited then, and how near a suspension was, is not kept, so these two are left out.
    Rules have the titles of `book`, which is in force now.
    """
    taken = improvements.taken_at(conn, at)
    found = [
        *_recurring(conn, books, at),
        *_bypassed(conn, at),
        *_one_groups(conn, at, book.calendar.zone),
        *_escalated(conn, at),
        *_never_separating(conn, book, at),
    ]
    return tuple(one for one in found if one.id not in taken)[:SHOWN_MAX]


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What was found in one place. `subject` tells several of one signal and place apart."""

    said: str
    n: int
    page: str
    subject: str = ""
    changes: Sequence[str] = ()
    incidents: tuple[CauseAnswer, ...] = ()


def _proposal(signal: Signal, service: str, environment: str, found: _Evidence) -> ProposalAnswer:
    """Return it under an id that is the same as long as its cause is; no name has a colon."""
    parts = (signal.value, service, environment, *([found.subject] if found.subject else []))
    return ProposalAnswer(
        id=":".join(parts),
        signal=signal,
        service=service,
        environment=environment,
        evidence=found.said,
        n=found.n,
        figure=MEASURED_BY[signal],
        changes=tuple(found.changes[:CHANGES_NAMED_MAX]),
        incidents=found.incidents,
        page=found.page,
    )


def _escalated(conn: Connection, now: datetime) -> Iterator[ProposalAnswer]:
    for one in proposals.escalated(conn, _days(now, LOOKED_BACK_DAYS)):
        said = (
            f"People were asked about all {one.deployments} deployments of the last "
            f"{LOOKED_BACK_DAYS} days, and none of them failed. Is there a standard change in them?"
        )
        page = _log(one.service, one.environment, now, LOOKED_BACK_DAYS)
        found = _Evidence(said, one.deployments, page)
        yield _proposal(Signal.ALWAYS_ESCALATED, one.service, one.environment, found)


def _never_separating(conn: Connection, book: Rulebook, now: datetime) -> Iterator[ProposalAnswer]:
    titles = rule_titles(book.policies)
    for one in proposals.fired_rules(conn, _days(now, LOOKED_BACK_DAYS)):
        if separates(
            fired=one.fired,
            fired_failed=one.fired_failed,
            deployments=one.deployments,
            failed=one.failed,
        ):
            continue
        said = (
            f"{_rule(one.rule, titles)} gave points to {one.fired} deployments of the last "
            f"{LOOKED_BACK_DAYS} days, of which {one.fired_failed} failed; of all "
            f"{one.deployments} here {one.failed} failed. It does not tell them apart."
        )
        address = f"/insights?{urlencode({'service': one.service, 'environment': one.environment})}"
        found = _Evidence(said, one.fired, address, one.rule)
        yield _proposal(Signal.NEVER_SEPARATES, one.service, one.environment, found)


def _rule(rule: str, titles: Mapping[str, str]) -> str:
    """Return a rule by its title, or by its id if it is no longer in force."""
    return f"The rule “{titles[rule]}”" if rule in titles else f"The rule {rule}"


def _recurring(conn: Connection, books: Rulebooks, now: datetime) -> Iterator[ProposalAnswer]:
    """Yield each place that failed again and again, and each path in its newest failures."""
    days = _days(now, RECURRING_DAYS)
    for place in proposals.failing(conn, days)[:FAILING_PLACES_MAX]:
        newest = proposals.failed_changes(conn, place.service, place.environment, days)
        known = [know_existing(conn, books, change) for change in newest]
        page = _log(place.service, place.environment, now, RECURRING_DAYS)
        said = (
            f"{place.failed} deployments failed in the last {RECURRING_DAYS} days. "
            "Do they have one cause?"
        )
        found = _Evidence(said, place.failed, page, "", newest, _incidents(known))
        yield _proposal(Signal.RECURRING_FAILURES, place.service, place.environment, found)
        yield from _recurring_paths(place, known, page)


def _recurring_paths(
    place: FailingPlace, known: Sequence[Known], page: str
) -> Iterator[ProposalAnswer]:
    often = recurring([frozenset(one.files.paths) for one in known])
    for path, n in list(often.items())[:PATHS_NAMED_MAX]:
        touched = [one for one in known if path in one.files.paths]
        said = f"{path} was changed by {n} of the {len(known)} newest deployments that failed."
        changes = [one.stored.id for one in touched]
        found = _Evidence(said, n, page, path, changes, _incidents(touched))
        yield _proposal(Signal.RECURRING_PATH, place.service, place.environment, found)


def _incidents(known: Sequence[Known]) -> tuple[CauseAnswer, ...]:
    """Return the incidents that these changes are tied to, each once."""
    titles = {
        incident.id: one.texts.get(incident.title) for one in known for incident in one.incidents
    }
    return tuple(CauseAnswer(incident, title) for incident, title in titles.items())


def _near_suspension(conn: Connection, book: Rulebook, now: datetime) -> Iterator[ProposalAnswer]:
    for one in standard_changes.near_suspension(conn, book, now):
        said = (
            f"The standard change “{one.title}” has "
            f"{counted(len(one.changes), 'failure that counts', 'failures that count')}; "
            f"{one.limit} suspend it."
        )
        page = f"/services/{one.service}"
        found = _Evidence(said, len(one.changes), page, one.standard_change, one.changes)
        yield _proposal(Signal.NEAR_SUSPENSION, one.service, one.environment, found)


def _ageing(conn: Connection, now: datetime) -> Iterator[ProposalAnswer]:
    for queue in proposals.queues(conn):
        waited = now - queue.oldest_at
        if waited < AGEING_MIN:
            return
        place = (queue.service, queue.environment)
        usual = spread(insights.seconds_to_last_word(conn, *place)).p90
        if usual is None or waited < _SECOND * usual:
            continue
        said = (
            f"The oldest of {queue.waiting} that wait here has waited {waited // _HOUR} hours; of "
            f"the changes before, nine of ten were decided within "
            f"{counted(-(-usual // 3_600), 'hour')}."
        )
        waiting = [change for change, _ in scorecard.waiting(conn, *place)]
        found = _Evidence(said, queue.waiting, "/", "", waiting)
        yield _proposal(Signal.AGEING_QUEUE, *place, found)


def _one_groups(conn: Connection, now: datetime, zone: tzinfo) -> Iterator[ProposalAnswer]:
    """Yield the places where most of the waiting for people was for one group."""
    # As of its end, which is the first instant of the next one, a week is itself the newest.
    weeks = [week_of(now - timedelta.resolution, zone)]
    while len(weeks) < WAITED_WEEKS:
        weeks.append(weeks[-1].before)
    by_place: dict[tuple[str, str], dict[str, WaitSum]] = {}
    for one in waits.sums_of_weeks(conn, [week.name for week in weeks]):
        if one.group != waits.OF_THE_CHANGE:
            by_place.setdefault((one.service, one.environment), {})[one.group] = one
    for place, groups in by_place.items():
        mostly = group_mostly_waited_for({name: one.seconds for name, one in groups.items()})
        if mostly is None:
            continue
        group, percent = mostly
        changes, seconds = groups[group].changes, groups[group].seconds
        if changes < WAITED_MIN or seconds < changes * WAITED_EACH_MIN_SECONDS:
            continue
        said = (
            f"{percent} % of the waiting for people in the last {WAITED_WEEKS} weeks was for "
            f"{group}: {changes} changes, {seconds // changes // 3_600} hours each. "
            "Who else could decide, or what need not be asked?"
        )
        of_group = WaitFilters(weeks[0].name, group, *place)
        longest = [one.change for one in waits.longest(conn, of_group, CHANGES_NAMED_MAX)]
        page = f"/weekly?{urlencode({'week': weeks[0].name})}"
        found = _Evidence(said, changes, page, group, longest)
        yield _proposal(Signal.ONE_GROUPS_WAITING, *place, found)


def _bypassed(conn: Connection, now: datetime) -> Iterator[ProposalAnswer]:
    """Yield the places where more went round the policy than in the time before, by the report on
    bypasses.
    """
    days = _DAY * RECURRING_DAYS
    before = {
        (one.service, one.environment): one
        for one in deployments.bypass(conn, Within(now - 2 * days, now - days))
    }
    for one in deployments.bypass(conn, Within(now - days, now)):
        earlier = before.get((one.service, one.environment))
        if one.service is None or one.environment is None or one.bypassed < BYPASSED_MIN:
            continue
        if earlier is None or one.rate <= earlier.rate:
            continue
        said = (
            f"{one.bypassed} of {one.deployments} deployments of the last {RECURRING_DAYS} days "
            f"went round the policy; {earlier.bypassed} of {earlier.deployments} did before."
        )
        page = f"/reports/bypass?{urlencode({'service': one.service})}"
        found = _Evidence(said, one.bypassed, page)
        yield _proposal(Signal.BYPASS_RISING, one.service, one.environment, found)


def _days(now: datetime, days: int) -> Days:
    """Return so many days before now, and the day of now itself."""
    return days_touched(now - _DAY * days, now)


def _log(service: str, environment: str, now: datetime, days: int) -> str:
    since = (now - _DAY * days).date().isoformat()
    return f"/log?{urlencode({'service': service, 'environment': environment, 'from': since})}"
