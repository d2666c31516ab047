"""What it costs replicas to announce what they write: `python -m benchmarks.notify`.

One, two and three processes record on one PostgreSQL, as they are (a row and NOTIFY), with the row
alone, and with neither. The variants take turns, and each figure is the median of its rounds.

NOTIFY takes a lock of the whole server until its transaction is durable, so commits of several
processes come one after the other; a row of each process's own lets them share a flush.
"""

import argparse
import asyncio
import itertools
import subprocess
import sys
import time
from collections import defaultdict
from statistics import median

from benchmarks.surroundings import say, scratch
from gate.storage.database import announcements
from gate.storage.database.tx import Tx
from gate.storage.migrate import upgrade
from gate.storage.store import Store
from tests import postgres
from tests.storage.making import make_unit

PROCESSES = (1, 2, 3)
SECONDS = 3.0
ROUNDS = 3
ROW_ALONE = """
INSERT INTO announcements (process, number, topics, at)
VALUES (%s, 1, %s, extract(epoch FROM now())) ON CONFLICT (process) DO UPDATE SET
    number = announcements.number + 1, topics = excluded.topics, at = excluded.at
"""
VARIANTS = ("row and NOTIFY", "row alone", "neither")


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="default: %(default)s")
    parser.add_argument("--child", nargs=3, help="what this program starts itself with")
    asked = parser.parse_args()
    if asked.child:
        url, variant, number = asked.child
        asyncio.run(_record(url, variant, int(number), asked.seconds))
        return 0
    with scratch() as folder, postgres.server(folder) as cluster:
        url = cluster.create("gate")
        upgrade(url)
        found: defaultdict[tuple[int, str], list[float]] = defaultdict(list)
        numbers = itertools.count()
        for _ in range(asked.rounds):
            for processes in PROCESSES:
                for variant in VARIANTS:
                    children = [
                        _child(url, variant, next(numbers), asked.seconds) for _ in range(processes)
                    ]
                    commits = sum(int(child.communicate()[0]) for child in children)
                    found[processes, variant].append(commits / asked.seconds)
    for (processes, variant), rates in found.items():
        say(f"{processes} processes  {variant:15} {median(rates):6.0f} commits/s")
    return 0


def _child(url: str, variant: str, number: int, seconds: float) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603 - this very program
        [
            *(sys.executable, "-m", "benchmarks.notify", f"--seconds={seconds}"),
            *("--child", url, variant, str(number)),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )


async def _record(url: str, variant: str, number: int, seconds: float) -> None:
    """Record as fast as it goes, and print how many commits that were."""
    if variant == "row alone":
        vars(announcements)["_ANNOUNCE"] = ROW_ALONE
    elif variant == "neither":
        vars(announcements)["_ANNOUNCE"] = "SELECT %s, %s"
    store = Store.open(url)
    done, ends = 0, time.monotonic() + seconds
    while time.monotonic() < ends:
        await store.write(_touch, number)
        await store.record(make_unit(number * 1_000_000 + done))
        done += 1
    store.close()
    say(done * 2)


def _touch(tx: Tx, number: int) -> None:
    tx.touch(f"change-{number}")


if __name__ == "__main__":
    sys.exit(main())
