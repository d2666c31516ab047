"""Fits the points of a policy to a history: a logistic regression that starts from the points in
force and is strongly held to them.

Two things keep it honest:

- Every service, cut into up to `BLOCKS_MAX` stretches of time, has a base rate of its own. So only
  changes of one service at about the same time are compared, and what merely grows with the age of
  a service is no cause.
- The penalty is on the difference between neighbouring steps. So a step with few changes moves with
  its neighbours.

Newton's method, with the base rates eliminated from the system, needs one pass over the history a
step, and no library of numbers: the same history gives the same points everywhere.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp

from gate.core.learning.slots import NOTHING, Change, Points, scores

BLOCKS_MAX = 10
BLOCK_CHANGES_MIN = 150
WEIGHT_MAX = 10.0
STEPS_MAX = 12
BASE_STEPS = 5
MOVE_MAX = 1.0
SETTLED = 0.005

PER_POINT = 1 / 12
"""What one point adds to the logarithm of the odds at first: that of the shipped points."""
PER_POINT_MIN = 1 / 30
PER_POINT_HELD = 400.0
"""How strongly the value of a point is held, which equals about ten changes, so that no history is
too small."""
EXPONENT_MAX = 30.0
CURVATURE_MIN = 1e-6

Deltas = tuple[tuple[float, ...], ...]
"""The number of points to add, for each rule and each of its steps."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One change: its block, its points in force, the steps that it is on, and whether
    it failed.
    """

    block: int
    score: float
    steps: tuple[int, ...]
    failed: float
    weight: float


@dataclass(slots=True)
class _Believed:
    """The estimates, all as logarithms of odds: the base rate of every block, what is added to
    every step, and the worth of one point in force.
    """

    base: list[float]
    added: list[float]
    per_point: float = PER_POINT

    def odds(self, row: _Row) -> float:
        """Return the logarithm of the odds that this change fails."""
        odds = self.base[row.block] + self.per_point * row.score
        for step in row.steps:
            odds += self.added[step]
        return max(-EXPONENT_MAX, min(EXPONENT_MAX, odds))


@dataclass(slots=True)
class _Sums:
    """Slope and curvature of the likelihood, summed over the history.

    The last of the parameters is what a point is worth; those before are the steps. Blocks are kept
    apart, because no change is in two of them.
    """

    blocks: int
    parameters: int
    block_slope: list[float] = field(init=False)
    block_curvature: list[float] = field(init=False)
    slope: list[float] = field(init=False)
    curvature: list[list[float]] = field(init=False)
    across: list[list[float]] = field(init=False)

    def __post_init__(self) -> None:
        self.block_slope, self.block_curvature = [0.0] * self.blocks, [0.0] * self.blocks
        self.slope = [0.0] * self.parameters
        self.curvature = [[0.0] * self.parameters for _ in range(self.parameters)]
        self.across = [[0.0] * self.parameters for _ in range(self.blocks)]

    def add(self, row: _Row, odds: float) -> None:
        """Count one change. Steps rise, so only the upper half of the curvature is filled."""
        rate = 1 / (1 + exp(-odds))
        residual = row.weight * (row.failed - rate)
        weight = row.weight * rate * (1 - rate)
        steps, across, last = row.steps, self.across[row.block], self.parameters - 1
        self.block_slope[row.block] += residual
        self.block_curvature[row.block] += weight
        scaled = weight * row.score
        for at, step in enumerate(steps):
            self.slope[step] += residual
            across[step] += weight
            line = self.curvature[step]
            for other in steps[at:]:
                line[other] += weight
            line[last] += scaled
        self.slope[last] += residual * row.score
        across[last] += scaled
        self.curvature[last][last] += scaled * row.score


def fit(points: Sequence[Points], changes: Sequence[Change], strength: float) -> Deltas:
    """Return the points to add.

    `changes` are in the order of time within each service. The larger the `strength` is, the nearer
    the result is to the points in force.
    """
    rows, first = _rows(points, changes)
    count = sum(len(one.given) for one in points)
    blocks = max((row.block for row in rows), default=-1) + 1
    believed = _Believed([0.0] * blocks, [0.0] * count)
    _settle_base(rows, believed)
    chains = [
        range(begin, begin + len(one.given)) for begin, one in zip(first, points, strict=True)
    ]
    for _ in range(STEPS_MAX):
        sums = _Sums(blocks, count + 1)
        for row in rows:
            sums.add(row, believed.odds(row))
        _hold(sums, believed, chains, strength)
        if _move(sums, believed) < SETTLED:
            break
    per_point = max(PER_POINT_MIN, believed.per_point)
    return tuple(tuple(believed.added[step] / per_point for step in chain) for chain in chains)


def _settle_base(rows: Sequence[_Row], believed: _Believed) -> None:
    """Estimate only the base rates first, so that Newton's method begins near its end."""
    for _ in range(BASE_STEPS):
        slope, curvature = [0.0] * len(believed.base), [0.0] * len(believed.base)
        for row in rows:
            rate = 1 / (1 + exp(-believed.odds(row)))
            slope[row.block] += row.weight * (row.failed - rate)
            curvature[row.block] += row.weight * rate * (1 - rate)
        for block, (one, two) in enumerate(zip(slope, curvature, strict=True)):
            believed.base[block] += _limited(one / max(two, CURVATURE_MIN))


def _hold(sums: _Sums, believed: _Believed, chains: Sequence[range], strength: float) -> None:
    """Add the penalty: on the difference of each step to the one before, the first to nothing."""
    for chain in chains:
        for step in chain:
            before = believed.added[step - 1] if step > chain.start else 0.0
            difference = strength * (believed.added[step] - before)
            sums.slope[step] -= difference
            sums.curvature[step][step] += strength
            if step > chain.start:
                sums.slope[step - 1] += difference
                sums.curvature[step - 1][step - 1] += strength
                sums.curvature[step - 1][step] -= strength
    sums.slope[-1] -= PER_POINT_HELD * (believed.per_point - PER_POINT)
    sums.curvature[-1][-1] += PER_POINT_HELD


def _move(sums: _Sums, believed: _Believed) -> float:
    """Make one step of Newton's method, and return by how much the parameters moved at most.

    Base rates are eliminated first, then the rest is solved, and then the base rates follow.
    """
    count = sums.parameters
    matrix, right = sums.curvature, sums.slope
    shares = [1 / max(one, CURVATURE_MIN) for one in sums.block_curvature]
    for across, slope, share in zip(sums.across, sums.block_slope, shares, strict=True):
        touched = [one for one in range(count) if across[one]]
        for one in touched:
            factor = across[one] * share
            right[one] -= factor * slope
            line = matrix[one]
            for other in touched:
                if other >= one:
                    line[other] -= factor * across[other]
    moves = [_limited(one) for one in solved(matrix, right)]
    for step, move in enumerate(moves[:-1]):
        believed.added[step] += move
    believed.per_point += moves[-1]
    for block, (across, slope, share) in enumerate(
        zip(sums.across, sums.block_slope, shares, strict=True)
    ):
        follows = sum(one * move for one, move in zip(across, moves, strict=True))
        believed.base[block] += _limited((slope - follows) * share)
    return max(map(abs, moves))


def solved(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Return the solution of a symmetric system given by its upper half. Both arguments are
    overwritten.
    """
    count = len(right)
    for row in range(count):
        pivot = max(matrix[row][row], CURVATURE_MIN)
        line = matrix[row]
        for below in range(row + 1, count):
            factor = line[below] / pivot
            if factor:
                for at in range(below, count):
                    matrix[below][at] -= factor * line[at]
                right[below] -= factor * right[row]
    found = [0.0] * count
    for row in range(count - 1, -1, -1):
        line = matrix[row]
        rest = right[row] - sum(line[at] * found[at] for at in range(row + 1, count))
        found[row] = rest / max(line[row], CURVATURE_MIN)
    return found


def _limited(move: float) -> float:
    return max(-MOVE_MAX, min(MOVE_MAX, move))


def _rows(points: Sequence[Points], changes: Sequence[Change]) -> tuple[list[_Row], list[int]]:
    """Return the history as the fit needs it, and the number of the first parameter of each rule.

    Scores are counted from their mean, so that base rates hardly depend on the worth of a point.
    """
    first, total = [], 0
    for one in points:
        first.append(total)
        total += len(one.given)
    numbers = [
        [None if slot == NOTHING else begin + slot - 1 for slot in one.tied]
        for begin, one in zip(first, points, strict=True)
    ]
    given = scores(points, changes)
    mean = sum(given) / max(len(given), 1)
    rows = [
        _Row(
            block,
            score - mean,
            tuple(
                number
                for table, slot in zip(numbers, change.slots, strict=True)
                if (number := table[slot]) is not None
            ),
            1.0 if change.failed else 0.0,
            weight,
        )
        for change, score, block, weight in zip(
            changes, given, _blocks(changes), _weights(changes), strict=True
        )
    ]
    return rows, first


def _weights(changes: Sequence[Change]) -> list[float]:
    """Return a weight for each change. Services count the same, except very small ones, because a
    few changes should not decide much.
    """
    counts = Counter(change.service for change in changes)
    share = len(changes) / max(len(counts), 1)
    weights = {service: min(WEIGHT_MAX, share / count) for service, count in counts.items()}
    return [weights[change.service] for change in changes]


def _blocks(changes: Sequence[Change]) -> list[int]:
    """Return for each change the number of its block, which is its service at about its time."""
    counts = Counter(change.service for change in changes)
    first: dict[str, int] = {}
    total = 0
    for service, count in counts.items():
        first[service] = total
        total += _blocks_in(count)
    seen: defaultdict[str, int] = defaultdict(int)
    found = []
    for change in changes:
        at, count = seen[change.service], counts[change.service]
        seen[change.service] += 1
        found.append(first[change.service] + at * _blocks_in(count) // count)
    return found


def _blocks_in(count: int) -> int:
    return max(1, min(BLOCKS_MAX, count // BLOCK_CHANGES_MIN))
