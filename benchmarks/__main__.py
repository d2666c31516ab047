"""`make bench`: every figure of one run, the disk measured before and after; ends with 1 when a
target is missed.
"""

import argparse
import subprocess
import sys

from benchmarks import fsync, startup
from benchmarks.decisions.__main__ import measure
from benchmarks.surroundings import say, scratch


def main() -> int:
    """One after the other: two cores are not enough for two measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--keep", action="store_true", help="keep what a decision costs the processor"
    )
    asked = parser.parse_args()
    with scratch() as folder:
        say(fsync.measure(folder))
        met = [measure(folder, keep=asked.keep)]
        say(fsync.measure(folder))
    begun = startup.measure()
    say(begun)
    met.append(begun.ok)
    met.append(_run("benchmarks.evaluate"))
    met.append(_run("benchmarks.pages", "--rows", "100000"))
    say("every target is met" if all(met) else "a target is MISSED")
    return 0 if all(met) else 1


def _run(module: str, *arguments: str) -> bool:
    """Whether a benchmark in a process of its own meets its targets."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, check=False).returncode == 0  # noqa: S603 - our own modules


if __name__ == "__main__":
    sys.exit(main())
