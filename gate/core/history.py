"""The track record of one service in one environment, from the gate's own records, and the facts of
origin `history` that follow from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gate.core.change import Result
from gate.core.facts import DECIMAL_UNIT, NO_EARLIER_DAYS, Fact, Origin, Value, facts_of

RECENT_CHANGES = 100
"""Over how many admitted changes `history.recent_failure_rate` looks back."""

PATH_PRIOR_CHANGES = 5
"""Changes without failure that are added to every folder's count, because one failure in the first
change of a folder should not be a failure rate of 1."""

SUMS_WINDOW = timedelta(hours=24)
REJECTED_WINDOW = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Running:
    """The last change of a place that was closed `successful` or `successful_issues`, so it runs
    there.
    """

    commit: str
    change: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Admitted:
    """The last change that was admitted here, however it ended."""

    commit: str
    digests: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class InFlight:
    """Another change that may be deployed or is being deployed.

    Either people approved it and the approval is still valid, or it is deploying and still within
    its `close_within`.
    """

    change: str
    deploying: bool
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Match:
    """An admitted change that matched a standard change."""

    change: str
    admitted_at: datetime
    # The change admitted before it had the same commit.
    same_commit: bool
    result: Result | None
    closed_at: datetime | None
    failed: bool
    failed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Suspension:
    """Whether a standard change is suspended here, and whether a person reinstated it."""

    # Why it is suspended, or None if it is not.
    because: str | None = None
    # Failures before this no longer count.
    reinstated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Similar:
    """The changes admitted here that touched the same kinds of files as the one that is decided."""

    changes: int = 0
    failures: int = 0
    # The one admitted last; None where there is none.
    last: str | None = None
    last_at: datetime | None = None
    last_failed: bool = False


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """The records about one service in one environment, read at one instant.

    Zero or empty means that nothing happened here yet, which is known, not unknown.
    """

    running: Running | None = None
    last_admitted: Admitted | None = None
    # This very commit, with these very artifacts, was closed successful here before.
    succeeded_here: bool = False
    # Another commit was admitted after that.
    admitted_since: bool = False
    # When another commit was first admitted in its place.
    replaced_at: datetime | None = None
    changes: int = 0
    failures: int = 0
    recent_changes: int = 0
    recent_failures: int = 0
    last_failure_at: datetime | None = None
    changes_last_24h: int = 0
    # None if the size of one of those changes is unknown.
    lines_last_24h: int | None = 0
    # Failures and changes of the touched two-level folder with the worst failure rate.
    worst_folder: tuple[int, int] = (0, 0)
    worst_file_failures: int = 0
    similar: Similar = Similar()
    rejected: int = 0
    in_flight: tuple[InFlight, ...] = ()
    # Also in flight, but over the limit of the list: only counted, up to a limit.
    more_approved: int = 0
    more_deploying: int = 0
    dependency_in_flight: bool = False
    matches: Mapping[str, tuple[Match, ...]] = field(default_factory=dict)
    # By standard change; one that was never suspended is absent.
    suspensions: Mapping[str, Suspension] = field(default_factory=dict)

    @property
    def deploying_count(self) -> int:
        """The number of other changes that are deploying, listed or not."""
        return sum(change.deploying for change in self.in_flight) + self.more_deploying

    @property
    def in_flight_count(self) -> int:
        """The number of other changes in flight, listed or not."""
        return len(self.in_flight) + self.more_approved + self.more_deploying


def facts(
    track: TrackRecord,
    commit: str,
    digests: tuple[str, ...],
    *,
    files_known: bool,
    overdue_reviews: int,
    at: datetime,
) -> dict[str, Fact]:
    """Return the facts of origin `history`.

    The facts about paths are unknown if the list of changed files is.
    """
    values: dict[str, Value] = {
        "change.direction": direction(track, commit, digests),
        "change.first_deployment": track.last_admitted is None,
        "change.ran_here_days_ago": _days(track.replaced_at, at),
        "history.changes": track.changes,
        "history.failures": track.failures,
        "history.recent_failure_rate": track.recent_failures
        * DECIMAL_UNIT
        // max(1, track.recent_changes),
        "history.days_since_failure": _days(track.last_failure_at, at),
        "history.days_since_deployment": _days(
            track.last_admitted.at if track.last_admitted else None, at
        ),
        "history.changes_last_24h": track.changes_last_24h,
        "history.rejected_before": track.rejected,
        "conflicts.in_flight": track.in_flight_count,
        "conflicts.dependency_in_flight": track.dependency_in_flight,
        "debt.emergency_reviews_overdue": overdue_reviews,
    }
    if track.lines_last_24h is not None:
        values["history.lines_last_24h"] = track.lines_last_24h
    if files_known:
        failures, changes = track.worst_folder
        values["history.path_failure_rate"] = (
            failures * DECIMAL_UNIT // (changes + PATH_PRIOR_CHANGES)
        )
        values["history.path_failures"] = track.worst_file_failures
        values |= _similar_facts(track.similar, at)
    return facts_of(values, Origin.HISTORY)


def direction(track: TrackRecord, commit: str, digests: tuple[str, ...]) -> str:
    """Return `forward`, `rollback` or `redeploy`, seen from what was deployed here.

    A commit that ran here with other artifacts goes `forward`, because nobody knows yet how these
    artifacts behave.
    """
    last = track.last_admitted
    if last is not None and last.commit == commit and last.digests == digests:
        return "redeploy"
    if track.succeeded_here and track.admitted_since:
        return "rollback"
    return "forward"


def _similar_facts(similar: Similar, at: datetime) -> dict[str, Value]:
    """Return what is known of similar changes.

    Where there is none only their number is known. A clean record of nothing would let a change
    pass for being unlike any other: whoever names its files could make it so with one odd file.
    """
    if not similar.changes:
        return {"history.similar_changes": 0}
    return {
        "history.similar_changes": similar.changes,
        "history.similar_failures": similar.failures,
        "history.similar_failure_rate": similar.failures * DECIMAL_UNIT // similar.changes,
        "history.days_since_similar": _days(similar.last_at, at),
        "history.last_similar_failed": similar.last_failed,
    }


def _days(then: datetime | None, at: datetime) -> int:
    """Return whole days, rounded down, and 0 if the clock jumped back."""
    return NO_EARLIER_DAYS if then is None else max(0, (at - then).days)
