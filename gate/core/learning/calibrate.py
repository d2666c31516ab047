"""Adjusts the points of a policy to a history of changes and failures, or says why it does not.

The points in force are the start, and the fit is held to them: a history may move them, never
invent them. What it would give is first tried on changes that it has not seen, the newest fifth of
every service. Only where that is better, and no service is much worse, are the points fitted to the
whole history.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from gate.core.learning.figures import curve, mean
from gate.core.learning.fit import Deltas, fit
from gate.core.learning.slots import Change, Points, scores
from gate.core.policy.policy import POINTS_MAX

FAILURES_MIN = 30
CHANGED_MAX = 30
NEWEST = 5
"""The number of equal parts into which the history of a service is cut. The newest part is kept for
the backtest."""

STRENGTHS = (60.0, 200.0, 600.0)
"""The strengths with which the points are held, in the order in which they are tried. Below the
first, single projects of the shared data get clearly worse; beyond the last nothing moves."""

WORSE_MAX = 0.005
"""By how much the area under the curve of one service may shrink in the back-test."""

PRIOR_CHANGES = 20
"""The weight, in changes, by which a band's failure rate is pulled to that of its whole history."""


@dataclass(frozen=True, slots=True)
class NotCalibrated:
    """Why the points stay as they are."""

    because: str


@dataclass(frozen=True, slots=True)
class BandRates:
    """The changes of one band: how many, how many of them failed, and the rate to expect."""

    changes: int
    failed: int
    expected: float | None


@dataclass(frozen=True, slots=True)
class HoldoutTest:
    """The result of new points on the newest fifth, which was not used to fit them.

    Areas are averaged over services; `worst` is by how much that of one service shrank at most.
    `expected` are the rates of each band by the older changes, `bands` those of the newest.
    """

    changes: int
    failed: int
    before: float
    after: float
    worst: float
    bands: tuple[BandRates, ...]
    error: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """New points for every rule, their back-test, and the bands of the newest changes by them."""

    points: tuple[Points, ...]
    test: HoldoutTest
    bands: tuple[BandRates, ...]


def calibrate(
    points: Sequence[Points], changes: Iterable[Change], limits: Sequence[int]
) -> Calibration | NotCalibrated:
    """Return new points, or why there are none.

    `changes` are in the order of time within each service; `limits` are the lowest scores of the
    bands above low.
    """
    whole = _by_service(changes)
    failed = sum(change.failed for change in whole)
    if failed < FAILURES_MIN:
        return NotCalibrated(
            f"found {failed} failed changes, needed are {FAILURES_MIN}: from fewer, chance would "
            "be taken for evidence"
        )
    older, newest = _split(whole)
    refused = NotCalibrated("")
    for strength in STRENGTHS:
        tried = adjusted(points, fit(points, older, strength), older)
        found = _back_test(points, tried, older, newest, limits)
        if isinstance(found, HoldoutTest):
            fitted = adjusted(points, fit(points, whole, strength), whole)
            if fitted == tuple(points):
                return NotCalibrated(
                    "found nothing to change: the points in force fit this history"
                )
            return Calibration(fitted, found, _expected(fitted, whole, newest, limits))
        refused = found
    return refused


def adjusted(
    points: Sequence[Points], deltas: Deltas, changes: Sequence[Change]
) -> tuple[Points, ...]:
    """Return whole points, of which at most `CHANGED_MAX` differ from those before.

    If more would change, the rules that matter least to the scores of these changes keep their
    points. A rule that rises still rises afterwards, and one that takes points off never adds any.
    """
    wanted = [
        replace(one, given=_kept_in_form(one, delta))
        for one, delta in zip(points, deltas, strict=True)
    ]
    weights = [
        _matter(number, before, after, changes)
        for number, (before, after) in enumerate(zip(points, wanted, strict=True))
    ]
    left = CHANGED_MAX
    found = list(points)
    for number in sorted(range(len(points)), key=lambda number: -weights[number]):
        count = changed(points[number], wanted[number])
        if count <= left:
            found[number] = wanted[number]
            left -= count
    return tuple(found)


def changed(before: Points, after: Points) -> int:
    """Return how many numbers of the points of a rule differ."""
    return sum(one != two for one, two in zip(before.given, after.given, strict=True))


def _kept_in_form(one: Points, delta: Sequence[float]) -> tuple[int, ...]:
    moved = [
        max(-POINTS_MAX, min(POINTS_MAX, round(given + more)))
        for given, more in zip(one.given, delta, strict=True)
    ]
    if not one.limits:
        (given,) = one.given
        return (max(moved[0], 0) if given > 0 else min(moved[0], -1) if given < 0 else 0,)
    if list(one.given) == sorted(one.given):
        return tuple(accumulate(moved, max))
    if list(one.given) == sorted(one.given, reverse=True):
        return tuple(accumulate(moved, min))
    return tuple(moved)


def _matter(number: int, before: Points, after: Points, changes: Sequence[Change]) -> int:
    """Return how much new points of a rule move the scores: the sum of squares over all changes."""
    counts = Counter(change.slots[number] for change in changes)
    moves = [two - one for one, two in zip(before.by_slot, after.by_slot, strict=True)]
    return sum(count * moves[slot] ** 2 for slot, count in counts.items())


def _by_service(changes: Iterable[Change]) -> list[Change]:
    services: defaultdict[str, list[Change]] = defaultdict(list)
    for change in changes:
        services[change.service].append(change)
    return [change for service in sorted(services) for change in services[service]]


def _split(changes: Sequence[Change]) -> tuple[list[Change], list[Change]]:
    """Return the older changes of every service as they were known when the newest fifth of it
    began, and that newest fifth.
    """
    counts = Counter(change.service for change in changes)
    older: list[Change] = []
    newest: list[Change] = []
    began: dict[str, float] = {}
    seen: Counter[str] = Counter()
    for change in changes:
        seen[change.service] += 1
        count = counts[change.service]
        if seen[change.service] <= count * (NEWEST - 1) // NEWEST:
            older.append(change)
            continue
        newest.append(change)
        if change.at is not None:
            began.setdefault(change.service, change.at)
    return [_as_known(change, began.get(change.service)) for change in older], newest


def _as_known(change: Change, at: float | None) -> Change:
    """Return the change as it was known at this time, None if nobody says when anything was.

    A failure that became known later, or nobody says when, had not happened yet for whoever fitted
    points then. Leaving the change out would tell as much of the future as counting its failure.
    """
    if at is None or not change.failed or change.at is None:
        return change
    known = change.known_at is not None and change.known_at <= at
    return change if known else replace(change, failed=False)


def _back_test(
    before: Sequence[Points],
    after: Sequence[Points],
    older: Sequence[Change],
    newest: Sequence[Change],
    limits: Sequence[int],
) -> HoldoutTest | NotCalibrated:
    """Return how old and new points compare on changes that the new ones were not fitted to."""
    areas = [
        (one, two)
        for one, two in zip(_areas(before, newest), _areas(after, newest), strict=True)
        if one is not None and two is not None
    ]
    count, failed = len(newest), sum(change.failed for change in newest)
    if not areas:
        return NotCalibrated(
            f"the newest fifth, {count} changes of which {failed} failed, has no service with both "
            "kinds: whether other points would be better cannot be seen"
        )
    old, new = mean([one for one, _ in areas]) or 0.0, mean([two for _, two in areas]) or 0.0
    worst = max(one - two for one, two in areas)
    if new <= old:
        return NotCalibrated(
            f"the back-test on the newest fifth, {count} changes of which {failed} failed, is not "
            f"better: area {new:.4f}, with the points in force {old:.4f}"
        )
    if worst > WORSE_MAX:
        return NotCalibrated(
            f"the back-test on the newest fifth is better, but for one service the area is "
            f"{worst:.4f} smaller, allowed is {WORSE_MAX}"
        )
    expected = _expected(after, older, _split(older)[1], limits)
    bands, error = _held_against(expected, after, newest, limits)
    return HoldoutTest(count, failed, old, new, worst, bands, error)


def _areas(points: Sequence[Points], changes: Sequence[Change]) -> list[float | None]:
    """Return the area under the curve of every service, in the order of their names."""
    services: defaultdict[str, list[tuple[float, bool]]] = defaultdict(list)
    for change, score in zip(changes, scores(points, changes), strict=True):
        services[change.service].append((score, change.failed))
    return [curve(services[service]).auc() for service in sorted(services)]


def _banded(
    points: Sequence[Points], changes: Sequence[Change], limits: Sequence[int]
) -> list[tuple[int, int]]:
    """Return for every band how many changes there are, and how many failed."""
    counts, failures = [0] * (len(limits) + 1), [0] * (len(limits) + 1)
    for change, score in zip(changes, scores(points, changes), strict=True):
        band = bisect_right(limits, score)
        counts[band] += 1
        failures[band] += change.failed
    return list(zip(counts, failures, strict=True))


def _expected(
    points: Sequence[Points],
    whole: Sequence[Change],
    newest: Sequence[Change],
    limits: Sequence[int],
) -> tuple[BandRates, ...]:
    """Return the bands of the newest changes, each with the failure rate to expect."""
    bands = []
    for (all_count, all_failed), (count, failed) in zip(
        _banded(points, whole, limits), _banded(points, newest, limits), strict=True
    ):
        rate = all_failed / all_count if all_count else 0.0
        leaned = (failed + PRIOR_CHANGES * rate) / (count + PRIOR_CHANGES)
        bands.append(BandRates(count, failed, leaned if all_count else None))
    return tuple(bands)


def _held_against(
    expected: Sequence[BandRates],
    points: Sequence[Points],
    changes: Sequence[Change],
    limits: Sequence[int],
) -> tuple[tuple[BandRates, ...], float]:
    """Return what happened in each band, and how far the expected rates were off, averaged over
    changes.
    """
    bands, error = [], 0.0
    for one, (count, failed) in zip(expected, _banded(points, changes, limits), strict=True):
        bands.append(BandRates(count, failed, one.expected))
        if count and one.expected is not None:
            error += abs(one.expected * count - failed)
    return tuple(bands), error / max(len(changes), 1)
