"""Rehearsals: what the gate would have decided on imported deployments, one after the other, by the
rules that are in force now.

Every deployment is decided with the history before it, as if the gate had been there. Nothing of a
rehearsal is recorded, and no decision on a real change uses it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from gate.core import history
from gate.core.calendar import freeze
from gate.core.change import FAILED_RESULTS
from gate.core.decision.decide import Case, People, decide
from gate.core.decision.evaluate import counted_files
from gate.core.decision.guards import InTheWay
from gate.core.decision.standard import MATCHES_MAX, to_suspend
from gate.core.decision.values import Decision
from gate.core.facts import Facts, Origin, Value, facts_of
from gate.core.history import (
    RECENT_CHANGES,
    SUMS_WINDOW,
    Admitted,
    InFlight,
    Match,
    Running,
    Similar,
    Suspension,
    TrackRecord,
)
from gate.core.kinds import kinds_of
from gate.core.past import NO_FACTS, PastDeployment, PastFacts, PastIncident, failures
from gate.flow.changes.gather import earned_here
from gate.flow.rulebooks import Rulebook
from gate.storage.changes.paths import Touched, touched

_NOBODY_ASKED = PastFacts()
_NOTHING_SAID: Mapping[str, Value] = {
    "change.has_rollback_plan": False,
    "change.has_test_plan": False,
    "change.has_impact_note": False,
    "change.remediates": False,
    "artifact.count": 0,
    "artifact.has_digest": False,
}
"""The facts of a request in which the caller says nothing about plans, remedies or artifacts."""


class Rehearsed(NamedTuple):
    """One deployment with its case, the decision that would have been made, and when it failed, if
    it did.
    """

    deployment: PastDeployment
    decision: Decision
    case: Case
    failed_at: datetime | None

    @property
    def facts(self) -> Facts:
        """The facts of the deployment's case."""
        return self.case.facts


@dataclass(slots=True)
class Rehearsal:
    """All deployments of one place that were played so far, oldest first."""

    book: Rulebook
    done: list[Rehearsed] = field(default_factory=list)
    _touched: dict[str, Touched] = field(default_factory=dict)
    _paths: Counter[str] = field(default_factory=Counter)
    _failed_paths: Counter[str] = field(default_factory=Counter)
    _counted: set[str] = field(default_factory=set)
    _kinds: dict[str, str] = field(default_factory=dict)
    _similar: dict[str, list[Rehearsed]] = field(default_factory=dict)
    _failed_similar: Counter[str] = field(default_factory=Counter)

    def play(self, deployment: PastDeployment, failed_at: datetime | None) -> None:
        """Decide the next deployment. All that began earlier must have been played before."""
        at = deployment.began_at
        self._touched[deployment.name] = paths = touched(_files_of(deployment))
        self._count_failed_paths(at)
        here = self.track_record(deployment, at)
        case = self._case(deployment, here, at)
        decision = decide(self.book.policies, case)
        done = Rehearsed(deployment, decision, case, failed_at)
        self.done.append(done)
        self._paths.update((*paths.files, *paths.folders))
        policy = self.book.policies.named(decision.policy)
        kinds = counted_files(policy, case.facts).kinds
        self._kinds[deployment.name] = kinds
        self._similar.setdefault(kinds, []).append(done)

    def track_record(self, deployment: PastDeployment, at: datetime) -> TrackRecord:
        """Return what the gate would have known of the place at this instant."""
        before = self.done
        recent = before[-RECENT_CHANGES:]
        last_day = [one for one in before if one.deployment.began_at > at - SUMS_WINDOW]
        failed = [one for one in before if _has_failed(one, at)]
        known = [one.failed_at for one in failed if one.failed_at is not None]
        back = self._gone_back(deployment.commit, at)
        matches = self._matches(at)
        return TrackRecord(
            running=self._running(at),
            last_admitted=_admitted(before),
            succeeded_here=back.succeeded,
            admitted_since=back.replaced_at is not None,
            replaced_at=back.replaced_at,
            changes=len(before),
            failures=len(failed),
            recent_changes=len(recent),
            recent_failures=sum(_has_failed(one, at) for one in recent),
            last_failure_at=max(known, default=None),
            changes_last_24h=len(last_day),
            lines_last_24h=_lines(last_day),
            worst_folder=self._worst_folder(deployment),
            worst_file_failures=self._worst_file(deployment),
            similar=self._similar_to(deployment, at),
            in_flight=tuple(_in_flight(before, at)),
            matches=matches,
            suspensions=self._suspensions(matches),
        )

    def _case(self, deployment: PastDeployment, here: TrackRecord, at: datetime) -> Case:
        catalogue, calendar = self.book.catalogue, self.book.calendar
        given = deployment.facts or _NOBODY_ASKED
        scope = freeze.scope_of(catalogue, deployment.service, deployment.environment)
        known = facts_of({**_NOTHING_SAID, **given.claimed}, Origin.CLAIMED)
        known.update(facts_of(given.verified, Origin.VERIFIED))
        known.update(catalogue.facts(deployment.service, deployment.environment))
        known.update(freeze.facts(freeze.open_windows(calendar, (), scope, at), calendar, at))
        known.update(
            history.facts(
                here,
                deployment.commit,
                (),
                files_known="diff.files" in known,
                overdue_reviews=0,
                at=at,
            )
        )
        return Case(
            facts=known,
            at=at,
            people=People(named=given.is_named, verified=given.is_confirmed),
            holds=freeze.holds(calendar, (), scope, at),
            in_flight=here.in_flight_count,
            deploying=here.deploying_count,
            in_the_way=tuple(InTheWay(one.change, one.deploying) for one in here.in_flight),
            standard_statuses=earned_here(self.book, here, at),
        )

    def _running(self, at: datetime) -> Running | None:
        for one in reversed(self.done):
            if _has_succeeded(one.deployment, at):
                done = one.deployment
                return Running(done.commit, done.name, done.ended_at)
        return None

    def _gone_back(self, commit: str, at: datetime) -> "_Back":
        """Return whether this commit ran here before, and when another commit replaced it."""
        replaced_at = None
        for one in reversed(self.done):
            if one.deployment.commit != commit:
                replaced_at = one.deployment.began_at
            elif _has_succeeded(one.deployment, at):
                return _Back(succeeded=True, replaced_at=replaced_at)
        return _Back(succeeded=False, replaced_at=None)

    def _matches(self, at: datetime) -> dict[str, tuple[Match, ...]]:
        """Return the deployments that each standard change matched, newest first, as known at that
        time.
        """
        found: dict[str, list[Match]] = {}
        newest = self.done[-_looked_back_on(self.book) :]
        earlier = (None, *self.done)[-len(newest) - 1 : -1] if newest else ()
        for one, before in zip(reversed(newest), reversed(earlier), strict=True):
            done = one.deployment
            has_ended, has_failed = done.ended_at <= at, _has_failed(one, at)
            match = Match(
                change=done.name,
                admitted_at=done.began_at,
                same_commit=before is not None and before.deployment.commit == done.commit,
                result=done.result if has_ended else None,
                closed_at=done.ended_at if has_ended else None,
                failed=has_failed,
                failed_at=one.failed_at if has_failed else None,
            )
            for standard in one.decision.matched_standard_changes:
                found.setdefault(standard, []).append(match)
        return {standard: tuple(listed) for standard, listed in found.items()}

    def _suspensions(self, matches: Mapping[str, Sequence[Match]]) -> dict[str, Suspension]:
        """Return for each standard change why it would be suspended, if it would.

        A standard change that failed too often is suspended until enough later ones went well,
        because nobody reinstates one in a rehearsal.
        """
        found = {}
        for _, standard in self.book.standard_changes:
            listed = matches.get(standard.id, ())
            if standard.suspend is not None:
                because = to_suspend(standard.suspend, listed, reinstated_at=None)
                found[standard.id] = Suspension(because=because)
        return found

    def _count_failed_paths(self, at: datetime) -> None:
        for one in self.done:
            if _has_failed(one, at) and one.deployment.name not in self._counted:
                self._counted.add(one.deployment.name)
                paths = self._touched[one.deployment.name]
                self._failed_paths.update((*paths.files, *paths.folders))
                self._failed_similar[self._kinds[one.deployment.name]] += 1

    def _worst_folder(self, deployment: PastDeployment) -> tuple[int, int]:
        folders = self._touched[deployment.name].folders
        counts = [(self._failed_paths[one], self._paths[one]) for one in folders]
        return max(
            counts,
            key=lambda one: (one[0] / (one[1] + history.PATH_PRIOR_CHANGES), one),
            default=(0, 0),
        )

    def _worst_file(self, deployment: PastDeployment) -> int:
        files = self._touched[deployment.name].files
        return max((self._failed_paths[one] for one in files), default=0)

    def _similar_to(self, deployment: PastDeployment, at: datetime) -> Similar:
        kinds = kinds_of(_files_of(deployment))
        listed = self._similar.get(kinds, [])
        if not kinds or not listed:
            return Similar()
        last = listed[-1]
        return Similar(
            changes=len(listed),
            failures=self._failed_similar[kinds],
            last=last.deployment.name,
            last_at=last.deployment.began_at,
            last_failed=_has_failed(last, at),
        )


class _Back(NamedTuple):
    succeeded: bool
    replaced_at: datetime | None


def rehearse(
    book: Rulebook, deployments: Sequence[PastDeployment], incidents: Iterable[PastIncident]
) -> Rehearsal:
    """Play all deployments of one place, which must come oldest first, and return the rehearsal."""
    failed = failures(deployments, incidents)
    rehearsal = Rehearsal(book)
    for one in deployments:
        rehearsal.play(one, failed.get(one.name))
    return rehearsal


def _looked_back_on(book: Rulebook) -> int:
    """Return how many of the newest deployments are searched for matches of standard changes.

    These are twice as many as count for earning or suspension, because some do not match.
    """
    counted = [
        max(
            standard.earn.successes if standard.earn else 0,
            standard.suspend.within if standard.suspend else 0,
        )
        for _, standard in book.standard_changes
    ]
    return min(2 * max(counted, default=0) + 1, MATCHES_MAX)


def _has_failed(one: Rehearsed, at: datetime) -> bool:
    return one.failed_at is not None and one.failed_at <= at


def _has_succeeded(deployment: PastDeployment, at: datetime) -> bool:
    return deployment.result not in FAILED_RESULTS and deployment.ended_at <= at


def _admitted(before: Sequence[Rehearsed]) -> Admitted | None:
    if not before:
        return None
    last = before[-1].deployment
    return Admitted(last.commit, (), last.began_at)


def _in_flight(before: Sequence[Rehearsed], at: datetime) -> Iterable[InFlight]:
    for one in before:
        if one.deployment.ended_at > at:
            yield InFlight(one.deployment.name, deploying=True, until=one.deployment.ended_at)


def _lines(deployed: Iterable[Rehearsed]) -> int | None:
    """Return the number of changed lines of all these deployments, or None if one of them is
    unknown.
    """
    total = 0
    for one in deployed:
        added, deleted = (_value(one, f"diff.lines_{word}") for word in ("added", "deleted"))
        if not isinstance(added, int) or not isinstance(deleted, int):
            return None
        total += added + deleted
    return total


def _value(one: Rehearsed, name: str) -> Value | None:
    fact = one.facts.get(name)
    return fact.value if fact is not None else None


def _files_of(deployment: PastDeployment) -> tuple[str, ...]:
    facts = deployment.facts or _NOBODY_ASKED
    merged = {**NO_FACTS, **facts.claimed, **facts.verified}
    files = merged.get("diff.files", ())
    return files if isinstance(files, tuple) else ()
