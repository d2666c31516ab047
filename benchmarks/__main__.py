"""`make bench`: every figure of one run, the disk measured before and after; ends with 1 when a
target is missed.
"""

import subprocess
import sys

from benchmarks import decisions, fsync, startup
from benchmarks.surroundings import say, scratch


def main() -> int:
    """One after the other: two cores are not enough for two measurements."""
    with scratch() as folder:
        say(fsync.measure(folder))
        met = [decisions.report(decisions.measure(folder))]
        say(fsync.measure(folder))
    begun = startup.measure()
    say(begun)
    met.append(begun.ok)
    met.append(
        subprocess.run([sys.executable, "-m", "benchmarks.databases"], check=False).returncode == 0
    )
    met.append(
        subprocess.run([sys.executable, "-m", "benchmarks.evaluate"], check=False).returncode == 0
    )
    met.append(
        subprocess.run(
            [sys.executable, "-m", "benchmarks.pages", "--rows", "100000"], check=False
        ).returncode
        == 0
    )
    say("every target is met" if all(met) else "a target is MISSED")
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
