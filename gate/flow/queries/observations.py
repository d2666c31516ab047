"""The report on an observing gate: what it would have decided, so that a team can judge whether to
switch the gate to enforcing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import Connection

from gate.core.decision import record as records
from gate.core.decision.places import unknown_names
from gate.core.decision.standard import NEVER_SUSPENDED, successes_in_a_row
from gate.core.decision.values import Decision, Finding, FindingKind, Outcome, Required
from gate.core.facts import Facts
from gate.core.history import TrackRecord
from gate.core.policy.policy import Policy
from gate.flow.answers.delivery import (
    EarnedAnswer,
    ImportedAnswer,
    ObservationsAnswer,
    UsualWaitAnswer,
    WouldAnswer,
    spread,
)
from gate.flow.answers.reasons import deciding_words
from gate.flow.caller import Caller
from gate.flow.changes.gather import to_earn
from gate.flow.gate import Gate
from gate.flow.queries.delivery import DeliveryQuery
from gate.flow.queries.rehearsal import Rehearsed, rehearse
from gate.flow.queries.times import short_time_of
from gate.flow.rulebooks import Rulebook, Rulebooks
from gate.storage import texts
from gate.storage.changes import history
from gate.storage.changes.history import PlaceQuery
from gate.storage.figures import insights, past
from gate.storage.figures import observations as figures
from gate.storage.figures.observations import Counted
from gate.storage.figures.places import PlaceInTime

DAYS_DEFAULT = 30
DAYS_MAX = 366
SUGGESTIONS_MAX = 5
RULES_NAMED_MAX = 3
SAFE_AFTER = 20
"""With fewer changes than these the report does not advise to switch to enforcing."""


async def observations(gate: Gate, query: DeliveryQuery, by: Caller) -> ObservationsAnswer:
    """Return the report on one place.

    Raises `Invalid` for a time that is empty or too long, and `RateLimited` or `Unavailable` as
    `Turns.take` does.
    """
    # Every reader reads all places, but none of them may use up the server.
    return await gate.turns.take(by, partial(_observations, gate, query))


async def _observations(gate: Gate, query: DeliveryQuery) -> ObservationsAnswer:
    book = await gate.rulebooks.current()
    now = gate.clock()
    begins, ends = short_time_of(query, now, usual_days=DAYS_DEFAULT, days_max=DAYS_MAX)
    environment = book.catalogue.environment_named(query.environment)
    place = PlaceInTime(query.service, environment, begins, ends)
    return await gate.store.read_slowly(_read, gate.rulebooks, book, place, now)


def _read(
    conn: Connection, books: Rulebooks, book: Rulebook, place: PlaceInTime, now: datetime
) -> ObservationsAnswer:
    counted = figures.counts(conn, place)
    stopped = _stopped(conn, books, place)
    by_outcome = {one.would: one.changes for one in counted}
    waited = spread(insights.seconds_to_last_word_anywhere(conn))
    policy = book.policy_at(place.service, place.environment).policy
    standards = _earned(policy, _track_record(conn, book, place, now), now)
    return ObservationsAnswer(
        service=place.service,
        environment=place.environment,
        unknown=unknown_names(book.catalogue, place.service, place.environment),
        from_=place.begins,
        to=place.ends,
        changes=sum(one.changes for one in counted),
        would=WouldAnswer(*(by_outcome.get(outcome, 0) for outcome in Outcome)),
        waiting_seconds=UsualWaitAnswer(waited.p50, waited.p90),
        failed=sum(one.failed for one in counted),
        # Failed changes that the gate would not have approved at once.
        failed_stopped=sum(one.failed for one in counted if one.would is not Outcome.APPROVED),
        standard_changes=standards,
        suggestions=(*_switch(counted, standards), *_in_the_way(stopped)),
        imported=_imported(conn, book, place, now),
    )


def _track_record(
    conn: Connection, book: Rulebook, place: PlaceInTime, now: datetime
) -> TrackRecord:
    earning = to_earn(book, now)
    query = PlaceQuery(place.service, place.environment, "", now, earning=earning)
    return history.track_record(conn, query)


def _earned(policy: Policy | None, here: TrackRecord, now: datetime) -> tuple[EarnedAnswer, ...]:
    """Return, for each standard change of the policy that is earned, how many settled successes in
    a row the place has and how many are needed.
    """
    found = []
    for standard in policy.standard_changes if policy else ():
        if standard.earn is not None:
            matches = here.matches.get(standard.id, ())
            since = here.suspensions.get(standard.id, NEVER_SUSPENDED).reinstated_at
            row = successes_in_a_row(standard.earn, matches, reinstated_at=since, at=now)
            title = standard.title or standard.id
            found.append(EarnedAnswer(standard.id, title, row, standard.earn.successes))
    return tuple(found)


def _switch(counted: Sequence[Counted], standards: Sequence[EarnedAnswer]) -> list[str]:
    """Return advice on whether the place can switch to enforcing without holding up
    what goes well.
    """
    changes = sum(one.changes for one in counted)
    passed = sum(one.changes for one in counted if one.would is Outcome.APPROVED)
    if changes < SAFE_AFTER:
        return [f"changes seen so far: {changes} of the {SAFE_AFTER} to switch by; go on observing"]
    earned = [one.id for one in standards if one.earned >= one.of]
    if earned or passed * 2 >= changes:
        said = f"safe to enforce: {passed} of {changes} changes would have passed by themselves"
        return [f"{said}; say `enforce` in the catalogue"]
    few = f"only {passed}" if passed else "none"
    return [f"{few} of {changes} changes would have passed; change first what follows"]


class _Stopped(NamedTuple):
    """A change that would not have been approved, with the approvals that would have been
    required. `said` are the reasons of freezes that people declared.
    """

    decision: Decision
    facts: Facts
    policy: Policy | None
    required: tuple[Required, ...]
    said: Mapping[str, str] = MappingProxyType({})

    @property
    def finding(self) -> Finding:
        """The finding that decided."""
        return self.decision.findings[0]

    @property
    def rules(self) -> tuple[Finding, ...]:
        """The rules that gave points."""
        return tuple(one for one in self.decision.findings if one.points > 0)

    @property
    def words(self) -> str:
        """The deciding finding as a sentence."""
        because = deciding_words(self.decision, self.facts, self.policy, self.said)
        if self.finding.kind is FindingKind.GATE:
            return because  # its title says the same in one word
        if self.finding.kind is FindingKind.REQUIREMENT and self.finding.holds is None:
            return f"not proved: {self.finding.title}"
        return f"{self.finding.title}: {because}"


def _stopped(conn: Connection, books: Rulebooks, place: PlaceInTime) -> list[_Stopped]:
    """Return the newest changes that would not have been approved, newest first."""
    found = []
    for one in figures.stopped(conn, place):
        record = records.read(one)
        observed = record.decision.observed
        required = observed.required if observed is not None else ()
        policy = books.policy_of(conn, record)
        found.append(_Stopped(record.decision, record.case.facts, policy, required))
    reasons = [reason for one in found for reason in one.decision.hold_reasons]
    said = texts.read_texts(conn, reasons)
    return [one._replace(said=said) for one in found]


def _in_the_way(stopped: Sequence[_Stopped]) -> list[str]:
    """Return sentences on the most frequent reasons and required groups. Each reason is in the
    words of the newest change that had it.
    """
    newest = {one.finding.rule: one for one in reversed(stopped)}
    rules = Counter(one.finding.rule for one in stopped)
    found = [
        f"{n} of the last {len(stopped)} that would not have passed: {newest[rule].words}"
        for rule, n in rules.most_common(SUGGESTIONS_MAX)
    ]
    groups = Counter(" or ".join(entry.by) for one in stopped for entry in one.required)
    found += _points(stopped)
    return found + [
        f"would have waited for {by}: {n}" for by, n in groups.most_common(SUGGESTIONS_MAX)
    ]


def _points(stopped: Sequence[_Stopped]) -> list[str]:
    """Return sentences on the rules that gave most points to changes that would not have been
    approved.
    """
    points: Counter[str] = Counter()
    fired: Counter[str] = Counter()
    for one in stopped:
        for finding in one.rules:
            points[finding.title] += finding.points
            fired[finding.title] += 1
    return [
        f"risk in {fired[title]} of them, {total // fired[title]} points on average: {title}"
        for title, total in points.most_common(RULES_NAMED_MAX)
    ]


def _imported(
    conn: Connection, book: Rulebook, place: PlaceInTime, now: datetime
) -> ImportedAnswer | None:
    """Return the report on deployments from before the gate was asked, or None if nothing was
    imported for this time.
    """
    service, environment = place.service, place.environment
    deployments = past.deployments(conn, service, environment, place.ends)
    rehearsal = rehearse(book, deployments, past.incidents(conn, service, environment))
    seen = [one for one in rehearsal.done if one.deployment.began_at >= place.begins]
    if not seen:
        return None
    outcomes = Counter(one.decision.outcome for one in seen)
    failed = [one for one in seen if one.failed_at is not None]
    stopped = [one for one in seen if one.decision.outcome is not Outcome.APPROVED]
    newest = [_rehearsed(one, book) for one in reversed(stopped)][: figures.LOOKED_AT_MAX]
    # What would be earned if the gate had admitted every imported deployment.
    earned = _earned(
        book.policies.named(seen[-1].decision.policy),
        rehearsal.track_record(seen[-1].deployment, now),
        now,
    )
    return ImportedAnswer(
        sources=tuple(sorted({one.deployment.source for one in seen})),
        deployments=len(seen),
        without_facts=sum(one.deployment.facts is None for one in seen),
        first_at=seen[0].deployment.began_at,
        last_at=seen[-1].deployment.began_at,
        would=WouldAnswer(*(outcomes[outcome] for outcome in Outcome)),
        failed=len(failed),
        failed_stopped=sum(one.decision.outcome is not Outcome.APPROVED for one in failed),
        standard_changes=earned,
        suggestions=tuple(_in_the_way(newest)),
    )


def _rehearsed(one: Rehearsed, book: Rulebook) -> _Stopped:
    decision = one.decision
    policy = book.policies.named(decision.policy)
    return _Stopped(decision, one.facts, policy, decision.required)
