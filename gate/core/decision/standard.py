"""Whether a standard change is earned in a place, and whether it has failed too often there.

A policy may say that a standard change is earned by successes in a row, and that it is suspended
after too many failures. Both are counted over the newest admitted changes that matched it, for one
service in one environment.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from gate.core.change import Result
from gate.core.history import Match, Suspension
from gate.core.instants import clock
from gate.core.policy.policy import Earn, Policy, StandardChange, Suspend

MATCHES_MAX = 200
"""The most admitted changes that are counted. A policy's `successes` and `within` are no larger."""


class StandardStatus(NamedTuple):
    """Whether a standard change is earned or suspended in one place, and why."""

    earned: bool
    suspended: bool = False
    because: str = ""


NOT_EARNED = StandardStatus(earned=False, because="nothing is recorded")
NEVER_SUSPENDED = Suspension()


def standard_key(policy: Policy, standard: StandardChange) -> str:
    """Return the key of a standard change: with its policy, because two policies may use one name
    and have it earned differently.
    """
    return f"{policy.name}/{standard.id}"


def standard_status(
    standard: StandardChange,
    matches: Sequence[Match],
    suspension: Suspension = NEVER_SUSPENDED,
    *,
    at: datetime,
) -> StandardStatus:
    """Return whether the standard change is earned and suspended at `at`.

    `matches` are the admitted changes that matched it, newest first. Failures before a person
    reinstated the standard change no longer count.
    """
    row, wanted = 0, standard.earn.successes if standard.earn else 0
    if standard.earn is not None:
        row = successes_in_a_row(
            standard.earn, matches, reinstated_at=suspension.reinstated_at, at=at
        )
    because = (
        suspension.because
        if suspension.because is not None
        else f"{row} of {wanted} successes in a row are settled"
    )
    return StandardStatus(
        earned=row >= wanted, suspended=suspension.because is not None, because=because
    )


def with_settling(
    status: StandardStatus,
    earn: Earn,
    matches: Sequence[Match],
    suspension: Suspension,
    *,
    at: datetime,
) -> StandardStatus:
    """Return the status with the number of successes that have not settled yet, and when the next
    one settles.

    `matches` are all that are looked back on, newest first. Only the words change, because nothing
    is decided by this number.
    """
    settle = timedelta(seconds=earn.settle_seconds)
    row = _row(matches, reinstated_at=suspension.reinstated_at)
    settles = sorted(
        match.closed_at + settle
        for match in row
        if match.closed_at is not None and match.closed_at + settle > at
    )
    if not settles:
        return status._replace(because=f"{status.because}, and no other one waits to settle")
    more = "one more settles" if len(settles) == 1 else f"{len(settles)} more settle, the next"
    return status._replace(because=f"{status.because}; {more} on {clock(settles[0])}")


def to_suspend(
    rule: Suspend, matches: Sequence[Match], *, reinstated_at: datetime | None
) -> str | None:
    """Return why the standard change must be suspended now, or None if it need not be.

    `matches` are newest first.
    """
    failures = len(failures_within(rule, matches, reinstated_at=reinstated_at))
    if failures < rule.failures:
        return None
    return (
        f"{failures} of the last {min(rule.within, len(matches))} failed, the limit is "
        f"{rule.failures}"
    )


def failures_within(
    rule: Suspend, matches: Sequence[Match], *, reinstated_at: datetime | None
) -> tuple[Match, ...]:
    """Return the failures among as many of the newest matches as the rule looks at."""
    newest = matches[: rule.within]
    return tuple(match for match in newest if _counts_as_failure(match, reinstated_at))


def successes_in_a_row(
    earn: Earn, matches: Sequence[Match], *, reinstated_at: datetime | None, at: datetime
) -> int:
    """Return how many successes since the last failure have settled; `matches` are newest first."""
    settled_before = at - timedelta(seconds=earn.settle_seconds)
    row = _row(matches, reinstated_at=reinstated_at)
    return sum(match.closed_at is not None and match.closed_at <= settled_before for match in row)


def _row(matches: Sequence[Match], *, reinstated_at: datetime | None) -> Iterator[Match]:
    """Yield the successes since the last failure that counts, settled or not, newest first."""
    for match in matches:
        if _counts_as_failure(match, reinstated_at):
            return
        if match.result is Result.SUCCESSFUL and not match.failed and not match.same_commit:
            yield match


def _counts_as_failure(match: Match, reinstated_at: datetime | None) -> bool:
    if not match.failed:
        return False
    failed_at = match.failed_at or match.admitted_at
    return reinstated_at is None or failed_at > reinstated_at
