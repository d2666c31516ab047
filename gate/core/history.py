"""What the gate's own records say about one service in one environment, and the facts that follow
from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gate.core.change import Result
from gate.core.facts import DECIMAL_UNIT, NO_EARLIER_DAYS, Fact, Origin, Value, facts_of

RECENT_CHANGES = 100
"""Over how many admitted changes `history.recent_failure_rate` looks back."""

PATH_PRIOR_CHANGES = 5
"""Changes without failure that every folder is credited with, so that one early failure is not a
rate of 1."""

SUMS_WINDOW = timedelta(hours=24)
REJECTED_WINDOW = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Running:
    """What runs here: the commit of the last change that was closed successful, with or without
    issues.
    """

    commit: str
    change: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Admitted:
    """The last change that was admitted here, whatever became of it."""

    commit: str
    digests: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class InFlight:
    """A change that people approved and that is still valid, or one that is deploying within its
    `close_within`.
    """

    change: str
    deploying: bool
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Match:
    """An admitted change that matched a standard change, newest first in a list of them."""

    change: str
    admitted_at: datetime
    # As the change admitted before it.
    same_commit: bool
    result: Result | None
    closed_at: datetime | None
    failed: bool
    failed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Suspension:
    """What a person or too many failures did to a standard change here."""

    # The words of a suspension in force.
    because: str | None = None
    # Failures before this no longer count.
    reinstated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """One consistent reading, at one instant.

    Empty means that there is nothing yet, which is known, not unknown.
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
    # None: one of them has unknown size.
    lines_last_24h: int | None = 0
    worst_folder: tuple[int, int] = (
        0,
        0,
    )  # failures, changes of the touched two-level folder with the worst rate
    worst_file_failures: int = 0
    rejected: int = 0
    in_flight: tuple[InFlight, ...] = ()
    # In flight too: counted to a limit, not listed.
    more_approved: int = 0
    more_deploying: int = 0
    dependency_in_flight: bool = False
    matches: Mapping[str, tuple[Match, ...]] = field(default_factory=dict)
    # None for a standard change that never had one.
    suspensions: Mapping[str, Suspension] = field(default_factory=dict)

    @property
    def deploying_count(self) -> int:
        """Of the other changes in flight, those that are deploying."""
        return sum(change.deploying for change in self.in_flight) + self.more_deploying

    @property
    def in_flight_count(self) -> int:
        """Other changes in flight, listed or not."""
        return len(self.in_flight) + self.more_approved + self.more_deploying


def facts(
    standing: Standing,
    commit: str,
    digests: tuple[str, ...],
    *,
    files_known: bool,
    overdue_reviews: int,
    at: datetime,
) -> dict[str, Fact]:
    """The facts of origin history. The path facts are unknown when the list of files is."""
    values: dict[str, Value] = {
        "change.direction": direction(standing, commit, digests),
        "change.first_deployment": standing.last_admitted is None,
        "change.ran_here_days_ago": _days(standing.replaced_at, at),
        "history.changes": standing.changes,
        "history.failures": standing.failures,
        "history.recent_failure_rate": standing.recent_failures
        * DECIMAL_UNIT
        // max(1, standing.recent_changes),
        "history.days_since_failure": _days(standing.last_failure_at, at),
        "history.days_since_deployment": _days(
            standing.last_admitted.at if standing.last_admitted else None, at
        ),
        "history.changes_last_24h": standing.changes_last_24h,
        "history.rejected_before": standing.rejected,
        "conflicts.in_flight": standing.in_flight_count,
        "conflicts.dependency_in_flight": standing.dependency_in_flight,
        "debt.emergency_reviews_overdue": overdue_reviews,
    }
    if standing.lines_last_24h is not None:
        values["history.lines_last_24h"] = standing.lines_last_24h
    if files_known:
        failures, changes = standing.worst_folder
        values["history.path_failure_rate"] = (
            failures * DECIMAL_UNIT // (changes + PATH_PRIOR_CHANGES)
        )
        values["history.path_failures"] = standing.worst_file_failures
    return facts_of(values, Origin.HISTORY)


def direction(standing: Standing, commit: str, digests: tuple[str, ...]) -> str:
    """Where a change of this content goes, seen from what was deployed here.

    A commit that ran here with other artifacts goes forward: nobody has seen what these do.
    """
    last = standing.last_admitted
    if last is not None and last.commit == commit and last.digests == digests:
        return "redeploy"
    if standing.succeeded_here and standing.admitted_since:
        return "rollback"
    return "forward"


def _days(then: datetime | None, at: datetime) -> int:
    """Whole days, rounded down; a clock that jumped back gives no negative duration."""
    return NO_EARLIER_DAYS if then is None else max(0, (at - then).days)
