"""Does a serving process grow while it serves? `python -m benchmarks.memory`, an hour for each
database; ends with 1 when a target is missed.

Changes are asked for at a steady rate. What the process has in memory is printed in ten parts: in
the first its caches fill, so growth is counted from its end on.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.decisions.servers import MEMORY_MIB_MAX, Contender, gates
from benchmarks.surroundings import say, scratch

SECONDS = 3600.0
PARTS = 10
PER_SECOND = 50.0
CONNECTIONS = 16
GROWTH_MAX = 1.1


@dataclass(frozen=True, slots=True)
class Grown:
    """What one process had in memory before the load and after each part of it, in MiB."""

    name: str
    begun_with: float
    after: Sequence[float]

    @property
    def growth(self) -> float:
        """At the end, for one after the first part."""
        return self.after[-1] / self.after[0]

    @property
    def ok(self) -> bool:
        """Whether both targets are met."""
        return self.after[-1] <= MEMORY_MIB_MAX and self.growth <= GROWTH_MAX

    def __str__(self) -> str:
        missed = "" if self.ok else ": MISSED"
        return (
            f"{self.name:10} {self.begun_with:.0f} MiB at the start, {self.after[0]:.0f} after the "
            f"first part, {self.after[-1]:.0f} at the end (target: at most {MEMORY_MIB_MAX}), "
            f"{self.growth:.2f} of the first part's (target: at most {GROWTH_MAX}){missed}"
        )


def measure(one: Contender, seconds: float) -> Grown:
    """Load one server for so long, and say after each part what it has in memory."""
    begun_with = one.memory_mib
    return Grown(one.name, begun_with, list(_parts(one, seconds)))


def _parts(one: Contender, seconds: float) -> Iterator[float]:
    for part in range(PARTS):
        one.burst(CONNECTIONS, seconds / PARTS, PER_SECOND)
        memory = one.memory_mib
        say(f"{one.name:10} part {part + 1}: {one.number} decisions, {memory:.0f} MiB")
        yield memory


def main() -> int:
    """One database after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="on each database (default: %(default)s)"
    )
    asked = parser.parse_args()
    with scratch() as folder, gates(folder) as both:
        found = [measure(one, asked.seconds) for one in both]
    for one in found:
        say(one)
    return 0 if all(one.ok for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
