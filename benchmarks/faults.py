"""Real servers under faults, and a checker of everything that clients asked and heard: `python -m
benchmarks.faults`.

Ends with 1 when an acknowledged answer is lost, doubled, changed or contradicted.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from benchmarks.surroundings import say, scratch
from tests import postgres
from tests.faults.history import Act
from tests.faults.live import Fleet, fleet, killed_at_call, under_load
from tests.postgres_proxies import LostCommits, between, through

KILLS = 100
EARLIEST_MS, LATEST_MS = 50, 300
TERMINATE_EVERY_SECONDS = 0.05
LOST_EVERY = 5
STOPPED_SECONDS = 30.0
CLOCK_SECONDS = (300.0, -300.0, 0.0)
LOAD_SECONDS = 15.0
CALLS = "pwrite64,fdatasync,sendto,recvfrom,write,writev"
"""What changes a file, asks PostgreSQL or answers somebody."""

CALLS_OF_ACT_MAX = 40
SHOWN_MAX = 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where a scenario runs: a fresh database, a folder, and how often it does what it does."""

    url: str
    folder: Path
    times: int
    seed: int


async def kills(place: Place) -> Fleet:
    """F01: `kill -9` in a loop under load, of one replica after the other."""
    replicas = 1 if place.url.startswith("sqlite") else 2
    async with fleet(place.url, place.folder, replicas=replicas, seed=place.seed) as found:

        async def disturb(found: Fleet) -> None:
            for number in range(place.times):
                await asyncio.sleep(found.dice.uniform(EARLIEST_MS, LATEST_MS) / 1000)
                await found.kill(found.servers[number % replicas])

        await under_load(found, disturb)
        return await _ended(found)


async def calls(place: Place) -> Fleet:
    """F02: `kill -9` at each system call of a submit, an approval and an admission."""
    async with fleet(place.url, place.folder, seed=place.seed) as found:
        while found.done < place.times:
            for act in (Act.CREATE, Act.APPROVE, Act.ADMIT):
                for number in range(1, CALLS_OF_ACT_MAX + 1):
                    if found.done >= place.times:
                        break
                    if not await killed_at_call(found, CALLS, number, act):
                        break
        return await _ended(found)


async def terminations(place: Place) -> Fleet:
    """F03, F12, F16: three replicas, three sealers, whose connections PostgreSQL ends."""
    async with fleet(place.url, place.folder, replicas=3, seed=place.seed) as found:

        async def disturb(found: Fleet) -> None:
            target = place.url.replace("postgresql+psycopg", "postgresql")
            async with await psycopg.AsyncConnection.connect(target, autocommit=True) as connection:
                for _ in range(place.times):
                    await asyncio.sleep(TERMINATE_EVERY_SECONDS)
                    await connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                        "application_name = 'gate' ORDER BY random() LIMIT 1"
                    )
                    found.done += 1

        await under_load(found, disturb)
        return await _ended(found)


async def lost_commits(place: Place) -> Fleet:
    """F14: the connection is cut after COMMIT was sent, and nobody hears whether it was done."""
    socket = place.url.partition("?host=")[2]
    with ExitStack() as stack:
        # One that reaches the server, and one that does not.
        lossy = [LostCommits(socket, commits=commits) for commits in (True, False)]
        ports = [stack.enter_context(between(one)) for one in lossy]
        async with fleet(
            place.url,
            place.folder,
            replicas=2,
            seed=place.seed,
            through=lambda number: through(place.url, ports[number]),
        ) as found:

            async def disturb(found: Fleet) -> None:
                for one in lossy:
                    one.every = LOST_EVERY
                while found.done < place.times:
                    await asyncio.sleep(TERMINATE_EVERY_SECONDS)
                    found.done = sum(one.cut for one in lossy)
                for one in lossy:
                    one.every = 0

            await under_load(found, disturb)
            return await _ended(found)


async def stopped(place: Place) -> Fleet:
    """F04, F21: one of three replicas is stopped wherever it is, and goes on half a minute
    later.
    """
    async with fleet(place.url, place.folder, replicas=3, seed=place.seed) as found:

        async def disturb(found: Fleet) -> None:
            for number in range(max(1, place.times // KILLS)):
                await asyncio.sleep(found.dice.uniform(1, 2))
                with found.stopped(found.servers[number % 3]):
                    await asyncio.sleep(STOPPED_SECONDS)
            await asyncio.sleep(2)

        await under_load(found, disturb)
        return await _ended(found)


async def clocks(place: Place) -> Fleet:
    """F22: three replicas whose clocks are ten minutes apart."""
    async with fleet(
        place.url, place.folder, replicas=3, seed=place.seed, shifted_seconds=CLOCK_SECONDS
    ) as found:

        async def disturb(found: Fleet) -> None:
            await asyncio.sleep(LOAD_SECONDS)
            found.done += 1

        await under_load(found, disturb)
        return await _ended(found)


Scenario = Callable[[Place], Coroutine[Any, Any, Fleet]]
SQLITE: Mapping[str, Scenario] = {"kills": kills, "calls": calls}
POSTGRES: Mapping[str, Scenario] = {
    **SQLITE,
    "terminations": terminations,
    "lost-commits": lost_commits,
    "stopped": stopped,
    "clocks": clocks,
}


async def _ended(found: Fleet) -> Fleet:
    found.violations = await found.found()
    return found


def main() -> int:
    """Run what was asked for, one after the other, and report."""
    asked = _arguments()
    violations = 0
    for database, scenarios in (("sqlite", SQLITE), ("postgres", POSTGRES)):
        for name, scenario in scenarios.items():
            if asked.only and f"{database}:{name}" not in asked.only and name not in asked.only:
                continue
            with _place(database, asked.times, asked.seed) as place:
                began = time.monotonic()
                found = asyncio.run(scenario(place))
                violations += _report(f"{database}:{name}", found, time.monotonic() - began)
    return 1 if violations else 0


def _report(name: str, found: Fleet, seconds: float) -> int:
    restart = f", restart median {median(found.restarts):.1f} s" if found.restarts else ""
    say(
        f"{name}: {found.done} faults in {seconds:.0f} s, {found.load.asked} operations, "
        f"{found.load.unanswered} requests without an answer{restart}; "
        f"{len(found.violations)} violations"
    )
    for violation in found.violations[:SHOWN_MAX]:
        say(f"VIOLATION {violation}")
    return len(found.violations)


@contextmanager
def _place(database: str, times: int, seed: int) -> Iterator[Place]:
    with scratch() as folder:
        if database == "sqlite":
            yield Place(f"sqlite:///{folder / 'gate.sqlite'}", folder, times, seed)
            return
        with postgres.server() as cluster:
            yield Place(cluster.create("gate"), folder, times, seed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=KILLS, help="faults (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32, help="who does what")
    parser.add_argument(
        "--only",
        action="append",
        help=f"one of {', '.join(POSTGRES)}; or sqlite:kills and the like",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
