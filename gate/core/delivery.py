"""DORA's five figures for one service in one environment: what is counted, and how a figure
follows.

- A *deployment* is an admitted change that has ended, or that an incident is tied to.
- It is *failed* if it was closed `unsuccessful` or `rolled_back`, or if an incident is tied to it.
- It is *rework* if it remediates an earlier deployment of the same place, or is an emergency.

Everything counts on the day of the admission, so that a part is never larger than its whole.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TypeAlias

from gate.core.change import FAILED_RESULTS, Result

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
NAMED_LIMITS = (
    10,
    _MINUTE,
    5 * _MINUTE,
    15 * _MINUTE,
    _HOUR,
    4 * _HOUR,
    _DAY,
    7 * _DAY,
    30 * _DAY,
    90 * _DAY,
    365 * _DAY,
    3_650 * _DAY,
)
"""The durations in which people think. Each of them begins a bucket, so what is counted between two
of them is exact."""

BUCKET_RATIO_MAX = 1.2
"""The largest ratio between the end and the beginning of a bucket. A value that is read from a
bucket is its middle, and is therefore off by at most a tenth."""

SPANS = (5 * _MINUTE, 15 * _MINUTE, _HOUR, 4 * _HOUR, _DAY, 7 * _DAY, 30 * _DAY)
"""The named limits between which a distribution is shown."""

_Z = 1.959963984540054
"""95 % of the standard normal distribution lie within this distance of 0."""


Incident: TypeAlias = tuple[datetime, datetime | None]
"""When an incident that is tied to a change began, and when it was resolved."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """One admitted change, as far as the figures need it."""

    submitted_at: datetime
    admitted_at: datetime
    closed_at: datetime | None
    result: Result | None
    # When it became known that the change failed.
    failed_at: datetime | None
    # The age of the commit at the submit; None if unknown.
    age_hours: int | None
    is_rework: bool
    incidents: tuple[Incident, ...] = ()
    # When a later deployment of the place was closed successful.
    next_success_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """The contribution of one change to the sums."""

    deployments: int = 0
    failed: int = 0
    rework: int = 0
    lead_seconds: int | None = None
    recovery_seconds: int | None = None


NOTHING = Figures()


def figures(change: Deployed) -> Figures:
    """Return what the change contributes; nothing before it has ended or failed."""
    failed = bool(change.incidents) or change.result in FAILED_RESULTS
    if change.closed_at is None and not failed:
        return NOTHING
    return Figures(
        deployments=1,
        failed=int(failed),
        rework=int(change.is_rework),
        lead_seconds=None if change.result in FAILED_RESULTS else _lead_seconds(change),
        recovery_seconds=_recovery_seconds(change) if failed else None,
    )


def well_again_at(
    result: Result | None,
    failed_at: datetime | None,
    incidents: Iterable[Incident],
    next_success_at: datetime | None,
) -> datetime | None:
    """Return when a place was well again after a failed change, or None as long as it is not.

    Incidents end with the last of them. Without any, a rollback ends it at once, and otherwise the
    next success does.
    """
    ends = [resolved for _, resolved in incidents]
    if ends:
        over = [one for one in ends if one is not None]
        return max(over) if len(over) == len(ends) else None
    return failed_at if result is Result.ROLLED_BACK else next_success_at


def unwell_since(admitted_at: datetime, incidents: Iterable[Incident]) -> datetime:
    """Return since when a place was not well because of a failed change.

    An incident may have begun before the deployment that it is tied to, by the clock of another
    system; then the admission counts.
    """
    return max(admitted_at, min((began for began, _ in incidents), default=admitted_at))


@dataclass(frozen=True, slots=True)
class Rate:
    """A part of a whole, and the limits between which the true rate lies with 95 % certainty.

    The rates are None if nothing was counted.
    """

    part: int
    whole: int
    rate: float | None
    low: float | None
    high: float | None


def rate(part: int, whole: int) -> Rate:
    """Return the rate with Wilson's interval, which stays within 0 and 1 also for small numbers."""
    if whole <= 0:
        return Rate(part, whole, None, None, None)
    p, z2 = part / whole, _Z * _Z
    middle = (p + z2 / (2 * whole)) / (1 + z2 / whole)
    reach = _Z / (1 + z2 / whole) * math.sqrt(p * (1 - p) / whole + z2 / (4 * whole * whole))
    # At the ends the exact limits are 0 and 1, which floats miss by a little.
    low = 0.0 if part == 0 else max(0.0, middle - reach)
    high = 1.0 if part == whole else min(1.0, middle + reach)
    return Rate(part, whole, _rounded(p), _rounded(low), _rounded(high))


def percentile(counts: Mapping[int, int], share: float) -> int | None:
    """Return the smallest value that at least this share of all values do not exceed.

    `counts` says how often each value occurs. Returns None if there are none.
    """
    wanted = share * sum(counts.values())
    seen = 0
    for value in sorted(counts):
        seen += counts[value]
        if counts[value] > 0 and seen >= wanted:
            return value
    return None


def _limits() -> tuple[int, ...]:
    """Return where each bucket begins: every second below the first named limit, and from there on
    steps of equal ratio from one named limit to the next.
    """
    found = [*range(NAMED_LIMITS[0]), NAMED_LIMITS[-1]]
    for begins, ends in pairwise(NAMED_LIMITS):
        steps = math.ceil(math.log(ends / begins) / math.log(BUCKET_RATIO_MAX))
        found += (round(begins * (ends / begins) ** (step / steps)) for step in range(steps))
    return tuple(sorted(found))


BUCKET_LIMITS = _limits()


def bucketed(seconds: int) -> int:
    """Return the middle of the bucket in which the duration lies.

    So a distribution has no more than a hundred or so different values, however many durations
    there were. What is longer than the last named limit counts as that long.
    """
    place = bisect_right(BUCKET_LIMITS, max(seconds, 0))
    begins = BUCKET_LIMITS[place - 1]
    if place == len(BUCKET_LIMITS):
        return begins
    return round(math.sqrt(begins * (BUCKET_LIMITS[place] - 1)))


@dataclass(frozen=True, slots=True)
class SpanCount:
    """The number of durations that are at least `from_seconds` and less than `to_seconds`, where
    None means no end.
    """

    from_seconds: int
    to_seconds: int | None
    n: int


def distribution(counts: Mapping[int, int]) -> tuple[SpanCount, ...]:
    """Return how many durations lie in each span between two of `SPANS`.

    `counts` says how often each bucket occurs.
    """
    spans = tuple(zip((0, *SPANS), (*SPANS, None), strict=True))
    found = [0] * len(spans)
    for seconds, n in counts.items():
        found[bisect_right(SPANS, seconds)] += n
    return tuple(SpanCount(*span, n) for span, n in zip(spans, found, strict=True))


def _lead_seconds(change: Deployed) -> int | None:
    """Return the time from the commit to the end of its deployment, or None if it is unknown."""
    if change.age_hours is None or change.closed_at is None:
        return None
    return _seconds(timedelta(hours=change.age_hours) + (change.closed_at - change.submitted_at))


def _recovery_seconds(change: Deployed) -> int | None:
    """Return the time from the failure to the recovery, or None as long as that has not come."""
    over = well_again_at(change.result, change.failed_at, change.incidents, change.next_success_at)
    if over is None:
        return None
    return _seconds(over - unwell_since(change.admitted_at, change.incidents))


def _seconds(duration: timedelta) -> int:
    return bucketed(duration // timedelta(seconds=1))


def _rounded(number: float) -> float:
    return round(number, 4)
