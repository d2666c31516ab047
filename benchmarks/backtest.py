"""What a back-test over a table costs beside plain closures over the same decoded rows, and that
its memory does not grow with the table.

Both policies are evaluated by both sides: all their rules, requirements and standard changes. The
rows are real changes, repeated until there are enough of them.
"""

import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from statistics import median

from benchmarks.risk.__main__ import DATA, MAP
from benchmarks.surroundings import say
from gate.cli.learning.files import map_in, shipped_policy
from gate.cli.learning.histories import PastRows
from gate.core.decision.evaluate import plan_of
from gate.core.learning.backtest import PastRow, back_test_rows
from gate.core.policy.set import Policies, read_policies

ROWS = 100_000
RUNS = 5
RATIO_MAX = 1.5
LABEL = "buggy"
FEW = 20_000
GROWTH_BYTES_MAX = 200_000
"""What the memory of five times as many rows may be more: counters of scores that are rare."""


def main() -> int:
    """Print both figures; 1 if one of them misses its target."""
    if not DATA.is_file():
        say(f"{DATA} is not there; this is measured only beside the shared data")
        return 2
    in_force, candidate = _sets()
    rows = list(islice(cycle(_decoded(FEW)), ROWS))
    ours: list[float] = []
    plain: list[float] = []
    # They take turns, so that both meet the same machine.
    for _ in range(RUNS):
        ours.append(_seconds(lambda: back_test_rows(in_force, candidate, rows)))
        plain.append(_seconds(lambda: _plain_closures((in_force, candidate), rows)))
    ratio = median(ours) / median(plain)
    say(
        f"back-test of {ROWS} rows: {median(ours):.2f} s, plain closures: {median(plain):.2f} s, "
        f"ratio {ratio:.2f} (target: at most {RATIO_MAX:g})"
    )
    few, many = _peak(in_force, candidate, FEW), _peak(in_force, candidate, ROWS)
    say(
        f"memory at most, table read row by row: {few / 1e6:.2f} MB for {FEW} rows, "
        f"{many / 1e6:.2f} MB for {ROWS} (target: at most {GROWTH_BYTES_MAX / 1e6:g} MB more)"
    )
    return 0 if ratio <= RATIO_MAX and many - few <= GROWTH_BYTES_MAX else 1


def _sets() -> tuple[Policies, Policies]:
    text = shipped_policy().read_text(encoding="utf-8")
    stricter = text.replace("bands: {moderate: 30,", "bands: {moderate: 20,")
    return read_policies({"production.yaml": text}), read_policies({"production.yaml": stricter})


def _decoded(count: int) -> Iterator[PastRow]:
    return islice(PastRows(DATA, map_in(MAP), LABEL, _sets()), count)


def _plain_closures(sets: tuple[Policies, ...], rows: list[PastRow]) -> int:
    plans = [plan_of(policy) for policies in sets for policy in policies.all]
    total = 0
    for values, _ in rows:
        for plan in plans:
            total += sum([judge(values).points for judge in plan.rules])
            total += sum([judge(values).points for _, judge in plan.requirements])
            total += sum([judge(values).points for _, judge in plan.standard_changes])
    return total


def _peak(in_force: Policies, candidate: Policies, count: int) -> int:
    """Return the most bytes in use while a table of so many rows is read and tried."""
    tracemalloc.start()
    try:
        back_test_rows(in_force, candidate, _decoded(count))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _seconds(call: Callable[[], object]) -> float:
    begins = time.perf_counter()
    call()
    return time.perf_counter() - begins


if __name__ == "__main__":
    sys.exit(main())
