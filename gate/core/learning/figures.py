"""Measures how well scores put failing changes above the others.

Changes with equal scores share their places. Each figure is the average over all orders of them, so
that a coarse score gains nothing by luck.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Scored = tuple[float, bool]
"""The score of a change, and whether it failed."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Changes grouped by equal score, the highest first: how many there are, how many failed."""

    steps: tuple[tuple[int, int], ...]
    changes: int
    failed: int

    def auc(self) -> float | None:
        """Return the probability that a failing change has a higher score than another one.

        It is None unless there are changes of both kinds.
        """
        well = self.changes - self.failed
        if not self.failed or not well:
            return None
        above, pairs = 0, 0
        for count, failed in self.steps:
            fine = count - failed
            # Of two equal ones half counts.
            pairs += fine * (2 * above + failed)
            above += failed
        return pairs / (2 * self.failed * well)

    def caught(self, share: float) -> float:
        """Return how many failures are among this share of the changes, those with the highest
        scores.
        """
        left, found = share * self.changes, 0.0
        for count, failed in self.steps:
            if count >= left:
                return found + failed * left / count
            left -= count
            found += failed
        return found

    def recall(self, share: float) -> float | None:
        """Return the share of all failures among this share of the changes, or None without
        failures.
        """
        return self.caught(share) / self.failed if self.failed else None

    def failure_rate_below(self, share: float) -> float | None:
        """Return the failure rate among this share of the changes, those with the lowest scores."""
        passed = share * self.changes
        if passed:
            return (self.failed - self.caught(1 - share)) / passed
        return None


def curve(scored: Iterable[Scored]) -> Curve:
    """Return the curve of these changes, which may be in any order."""
    counts: Counter[float] = Counter()
    failures: Counter[float] = Counter()
    for score, failed in scored:
        counts[score] += 1
        failures[score] += failed
    return curve_of(counts, failures)


def curve_of(changes: Mapping[float, int], failures: Mapping[float, int]) -> Curve:
    """Return the curve of changes and failures that are counted by score already."""
    steps = tuple((changes[score], failures[score]) for score in sorted(changes, reverse=True))
    return Curve(steps, sum(changes.values()), sum(failures.values()))


def mean(figures: Sequence[float | None]) -> float | None:
    """Return the mean of the figures that are known, or None if none is."""
    known = [figure for figure in figures if figure is not None]
    return sum(known) / len(known) if known else None
