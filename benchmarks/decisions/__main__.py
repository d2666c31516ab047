"""A whole durable decision over HTTP, on SQLite and on PostgreSQL, beside what would be built
instead, an insert and an echo: `python -m benchmarks.decisions`.

Three servers on one disk take turns in bursts; each figure is the median of its bursts, and ratios
within the run are what is judged. Beside the times stand the processor's time, the memory, the
bytes on the disk and the rows that PostgreSQL read in sequence, because a table that grows is never
read so.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks import fsync
from benchmarks.decisions import figures
from benchmarks.decisions.rival import ENGINE
from benchmarks.decisions.servers import (
    MEMORY_MIB_MAX,
    Contender,
    contenders,
    gates,
    rows_in_sequence,
)
from benchmarks.surroundings import say, scratch

CONNECTIONS = (64, 16, 1)
"""One comes last: for some seconds after its start a server looks at what holds every change."""

ROUNDS = 5
SECONDS = 2.0
P50_RATIO_MAX = 1.5
"""PostgreSQL's time with one connection, for one of SQLite's in the same run.

What a decision costs beside the insert, the echo and the rival is printed, and is no target: they
decide nothing (docs/decisions/0012-what-a-decision-costs.md), and the rival's engine is not ours.
"""

STEADY_P99_MS_MAX = {50: 50.0, 200: 100.0}
"""What users feel: at so many decisions a second, one in a hundred may take longer than this."""

STEADY_CONNECTIONS = 64
BYTES_MAX = 6 * 1024
"""Of a decision with all its indexes, before answers to idempotency keys are forgotten."""


def measure(
    folder: Path, *, rounds: int = ROUNDS, seconds: float = SECONDS, keep: bool = False
) -> bool:
    """Start all servers, let them take turns at each number of connections, and print what was
    seen; whether every target is met.
    """
    with ExitStack() as stack:
        both = stack.enter_context(gates(folder))
        others = stack.enter_context(contenders(folder))
        begun_with = [one.memory_mib for one in both]
        for connections in CONNECTIONS:
            for _ in range(rounds):
                for one in (*both, *others):
                    one.burst(connections, seconds)
        for per_second in STEADY_P99_MS_MAX:
            for _ in range(rounds):
                for one in both:
                    one.burst(STEADY_CONNECTIONS, seconds, per_second)
        say(f"rival: FastAPI, {ENGINE}, a session of SQLAlchemy on SQLite, the same 30 rules")
        met = [_turns(both, others), _steady(both), _sizes(both, begun_with)]
        met.append(_processor(both, others[-1], keep=keep))
    return all(met)


def _turns(both: list[Contender], others: list[Contender]) -> bool:
    """How fast everybody answers, and the ratios of that."""
    for connections in CONNECTIONS:
        for one in (*both, *others):
            say(
                f"{connections:3} connections  {one.name:10} {one.per_second(connections):6.0f} /s"
                f"  p50 {one.p50(connections):6.2f} ms  p99 {one.p99(connections):6.2f} ms"
            )
        for gate in both:
            said = ", ".join(ratios(gate, others, connections))
            say(f"{connections:3} connections  {gate.name:10} decisions for one of {said}")
    sqlite, server = both
    ratio = server.p50(1) / sqlite.p50(1)
    say(f"one connection, PostgreSQL/SQLite: {ratio:.2f} (target: at most {P50_RATIO_MAX})")
    return ratio <= P50_RATIO_MAX


def ratios(gate: Contender, others: list[Contender], connections: int) -> Iterator[str]:
    """How many decisions there are for one answer of each contender."""
    for one in others:
        yield f"the {one.name} {gate.per_second(connections) / one.per_second(connections):.2f}"


def _steady(both: list[Contender]) -> bool:
    """How long users wait at a steady rate."""
    met = []
    for per_second, most in STEADY_P99_MS_MAX.items():
        for one in both:
            p99 = one.steady_p99(per_second)
            met.append(p99 <= most)
            say(
                f"{per_second:3} a second     {one.name:10} p50 {one.steady_p50(per_second):6.2f} "
                f"ms  p99 {p99:6.2f} ms (target: at most {most:.0f})"
            )
    return all(met)


def _sizes(both: list[Contender], begun_with: list[float]) -> bool:
    """What decisions take on the disk and in memory."""
    met = []
    for one, first in zip(both, begun_with, strict=True):
        bytes_, memory = one.bytes_a_decision, one.memory_mib
        met.append(bytes_ <= BYTES_MAX and memory <= MEMORY_MIB_MAX)
        say(
            f"{one.name:10} {one.number} decisions: {bytes_} bytes each (target: at most "
            f"{BYTES_MAX}), the process had {first:.0f} MiB in memory, and has {memory:.0f} "
            f"(target: at most {MEMORY_MIB_MAX})"
        )
    server = both[-1]
    say(f"rows read in sequence: {dict(rows_in_sequence(server.server.database_url))}")
    return all(met)


def _processor(both: list[Contender], echo: Contender, *, keep: bool) -> bool:
    """What a decision costs the processor, beside an echo and beside what it cost before."""
    found = {gate.name: gate.processor_ms / echo.processor_ms for gate in both}
    compared = figures.compare(found, figures.kept())
    for gate, one in zip(both, compared, strict=True):
        say(f"processor  {gate.name:10} {gate.processor_ms:.2f} ms a decision, {one}")
    if keep:
        figures.keep(found)
        say(f"kept in {figures.KEPT}")
    return keep or all(one.ok for one in compared)


def main() -> int:
    """Ends with 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="bursts of each contender (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="length of a burst (default: %(default)s)"
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="keep what a decision costs the processor: later runs are compared with it",
    )
    asked = parser.parse_args()
    with scratch() as folder:
        say(fsync.measure(folder))
        met = measure(folder, rounds=asked.rounds, seconds=asked.seconds, keep=asked.keep)
        say(fsync.measure(folder))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
