"""A change as it is stored: one field a column, so the columns are said here and nowhere else.

`schema.py` makes the table of these fields, a new change is one of these values, and a query of
whole rows returns them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gate.core.change import Result, Run, State
from gate.core.decision.asked import RequestDetails
from gate.core.decision.record import read_asked
from gate.core.decision.values import Band, ChangeType, Hold, Outcome, Route
from gate.storage.tables.columns import Sha256


@dataclass(frozen=True, slots=True)
class DecisionColumns:
    """The columns that follow from the decision in force alone. A later decision writes all of them
    anew.

    State and time left are not among them, because they depend on how long the change has waited.
    """

    # The number of the decision.
    decision: int
    decided_at: datetime
    type: ChangeType
    route: Route
    outcome: Outcome
    # What an observing gate would have decided; None where it enforces.
    would: Outcome | None
    band: Band
    score: int
    policy: str | None
    standard_change: str | None
    # The ids of the standard changes that it matches.
    matched: tuple[str, ...]
    # What holds it, or None.
    hold: Hold | None
    # No freeze window holds it; a stopped line does.
    excused: bool
    subject_digest: Sha256
    # The change that ran in its place when it was decided.
    running_change: str | None
    direction: str
    # Lines added and deleted; None is unknown.
    lines: int | None
    # The policy lets two deploy at once.
    parallel: bool
    close_within_seconds: int
    planned_start: datetime | None
    planned_end: datetime | None
    # When the worker decides it again while it is pending; None: nothing asks for it.
    redecide_at: datetime | None
    # When its approval ends; None while it is held.
    valid_until: datetime | None
    # JSON: base, ref, artifacts, run url, ids of texts, as asked; read where somebody needs it.
    detail: bytes


@dataclass(frozen=True, slots=True)
class StoredChange(DecisionColumns):
    """A change. What only its later life sets has a default."""

    id: str
    service: str
    environment: str
    commit_sha: str
    # Sorted.
    digests: tuple[str, ...]
    repository_issuer: str | None
    repository_id: int | None
    # Who submitted it: token id, or issuer and repository id.
    caller: str
    run_id: str | None
    run_attempt: int | None
    run_step: str | None
    # The natural key while this is the current change of its run; freed when a later attempt begins
    # anew.
    run_key: str | None
    # Of the canonical subject.
    subject_key: Sha256
    # As it was written last; `state_at` says what it is now.
    state: State
    submitted_at: datetime
    # When it was approved, rejected, canceled or expired, whichever came last; None while pending.
    settled_at: datetime | None
    # When a pending change expires; None while it is held.
    expires_at: datetime | None
    # While it is held, the time that is left to it when the hold ends.
    time_left: timedelta | None
    admitted_at: datetime | None = None
    admitted_run_id: str | None = None
    admitted_run_attempt: int | None = None
    admitted_run_step: str | None = None
    # The change that was admitted here before it had the same commit.
    same_commit: bool | None = None
    # After this it is no longer in flight, even if nobody has closed it.
    close_by: datetime | None = None
    # When it came into its final state; for a deployment that is `closed_at`.
    ended_at: datetime | None = None
    closed_at: datetime | None = None
    result: Result | None = None
    failed: bool = False
    failed_at: datetime | None = None

    def state_at(self, now: datetime) -> State:
        """Return the state at this instant; see the function `state_at`."""
        return state_at(self.state, self.expires_at, self.valid_until, now)

    @property
    def asked(self) -> RequestDetails:
        """The request beside the subject. It is parsed anew at each access."""
        return read_asked(self.detail)

    @property
    def admitted_run(self) -> Run | None:
        """The run that consumed the approval."""
        if self.admitted_run_id is None:
            return None
        return Run(
            self.admitted_run_id, self.admitted_run_attempt or 1, self.admitted_run_step or ""
        )


def state_at(
    state: State, expires_at: datetime | None, valid_until: datetime | None, now: datetime
) -> State:
    """Return the state at this instant: the stored one, or `expired` if its time is over.

    The worker writes `expired` a little later, and until then a reader must not see it as waiting.
    """
    ends = {State.PENDING: expires_at, State.APPROVED: valid_until}.get(state)
    if ends is not None and ends <= now:
        return State.EXPIRED
    return state
