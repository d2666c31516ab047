"""What takes how much longer at many decisions than at few, on both databases: `make bench-flat`.

Gates of one process, one small and one large on each database, answer the same questions in turns
over HTTP; only the ratio of their medians is judged.
"""

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import TypeAlias

import httpx
import structlog

from benchmarks import fsync
from benchmarks.decisions.servers import stored_bytes
from benchmarks.flat import lives
from benchmarks.flat.databases import Filled, filled
from benchmarks.surroundings import policies, say, scratch
from gate.storage import migrate
from tests import postgres

FEW, MANY = 10_000, 300_000
ROUNDS = 61
DATABASES = ("SQLite", "PostgreSQL")
RATIO_MAX = 1.3
DEEP = timedelta(days=20)
"""How long ago the deep page of the log is: in the middle of everything."""

Ask: TypeAlias = Callable[[Filled, int], Awaitable[httpx.Response]]
"""One question to one gate; the number tells one asking from another."""


def _submit(gate: Filled, number: int) -> Awaitable[httpx.Response]:
    # Far behind every marker of a copy.
    body = lives.body(800_000_000 + number)
    return gate.pipeline.post("/v1/changes", json=body)


def _point_read(gate: Filled, number: int) -> Awaitable[httpx.Response]:
    return gate.auditor.get(f"/v1/changes/{_change(gate, number)[0]}")


def _deep(gate: Filled, number: int) -> Awaitable[httpx.Response]:
    until = datetime.now(UTC) - DEEP - timedelta(seconds=number)
    return gate.auditor.get("/v1/log", params={"to": until.isoformat(timespec="seconds")})


def _rare(gate: Filled, number: int) -> Awaitable[httpx.Response]:
    return gate.auditor.get("/v1/log", params={"q": _change(gate, number)[2]})


def _insights(gate: Filled, number: int) -> Awaitable[httpx.Response]:
    where = {"service": _change(gate, number)[1], "environment": "staging", "days": "90"}
    return gate.person.get("/insights", params=where)


def _delivery(gate: Filled, number: int) -> Awaitable[httpx.Response]:
    begins = (datetime.now(UTC) - timedelta(days=90)).isoformat(timespec="seconds")
    where = {"service": _change(gate, number)[1], "environment": "staging", "from": begins}
    return gate.auditor.get("/v1/delivery", params=where)


def _evidence(gate: Filled, number: int) -> Awaitable[httpx.Response]:
    return gate.auditor.get(f"/v1/changes/{_change(gate, number)[0]}/evidence")


QUESTIONS: Mapping[str, Ask] = MappingProxyType(
    {
        "submit": _submit,
        "point read": _point_read,
        "queue": lambda gate, _: gate.person.get("/"),
        "log": lambda gate, _: gate.auditor.get("/v1/log"),
        "log, the page": lambda gate, _: gate.person.get("/log"),
        "log, deep": _deep,
        "search, rare": _rare,
        "search, common": lambda gate, _: gate.auditor.get("/v1/log", params={"q": "basket"}),
        "insights": _insights,
        "DORA report": _delivery,
        "evidence": _evidence,
    }
)


@dataclass(frozen=True, slots=True)
class Ratio:
    """One question on one database, in milliseconds."""

    database: str
    question: str
    few_ms: float
    many_ms: float
    rounds: int

    @property
    def ok(self) -> bool:
        """Whether the target is met."""
        return self.many_ms <= RATIO_MAX * self.few_ms

    def __str__(self) -> str:
        missed = "" if self.ok else "  MISSED"
        return (
            f"{self.database:10}  {self.question:14}  {self.few_ms:7.2f} ms  "
            f"{self.many_ms:7.2f} ms  {self.many_ms / self.few_ms:5.2f} x  n {self.rounds}{missed}"
        )


async def measure(
    folder: Path, databases: Sequence[str], *, few: int, many: int, rounds: int
) -> list[Ratio]:
    """Fill both sizes on one database and ask them in turns; then on the next."""
    rules, found = policies(folder), []
    with postgres.server(folder) as cluster:
        for database in databases:
            async with AsyncExitStack() as stack:
                both = []
                for decisions in (few, many):
                    place = folder / f"{database}_{decisions}".lower()
                    url = f"sqlite:///{place}/gate.sqlite"
                    if database == "PostgreSQL":
                        url = cluster.create(place.name)
                        migrate.upgrade(url)
                    begins = time.perf_counter()
                    gate = filled(place, url, rules, decisions=decisions)
                    both.append(await stack.enter_async_context(gate))
                    say(
                        f"{database:10}  {both[-1].decisions:>10,} decisions  "
                        f"{stored_bytes(url) / 1e6:8.1f} MB  filled in "
                        f"{time.perf_counter() - begins:.0f} s"
                    )
                found += await _asked(database, both, rounds)
    return found


async def _asked(database: str, both: list[Filled], rounds: int) -> list[Ratio]:
    """Every question, to the small gate and to the large one in turns."""
    found = []
    for question, ask in QUESTIONS.items():
        spent: list[list[float]] = [[] for _ in both]
        # The first round is not counted: nothing is at hand yet.
        for number in range(rounds + 1):
            for gate, times in zip(both, spent, strict=True):
                times.append(await _milliseconds(question, ask, gate, number))
        few, many = (median(times[1:]) for times in spent)
        found.append(Ratio(database, question, few, many, rounds))
        say(found[-1])
    return found


async def _milliseconds(question: str, ask: Ask, gate: Filled, number: int) -> float:
    begins = time.perf_counter()
    answer = await ask(gate, number)
    spent = (time.perf_counter() - begins) * 1000
    if not answer.is_success:
        raise RuntimeError(f"{question} answered {answer.status_code}: {answer.text[:300]}")
    return spent


def _change(gate: Filled, number: int) -> tuple[str, str, str]:
    # A step that is no divisor of their number, so that all places and days are asked for.
    return gate.changes[number * 37 % len(gate.changes)]


def verdict(found: list[Ratio]) -> str:
    """Whether every target is met, or which is not."""
    missed = [f"{one.question} on {one.database}" for one in found if not one.ok]
    return f"MISSED, above {RATIO_MAX} x: {', '.join(missed)}" if missed else "every target is met"


def main() -> int:
    """Ends with 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=FEW, help="decisions (default: %(default)s)")
    parser.add_argument(
        "--many",
        type=int,
        default=MANY,
        help="decisions (default: %(default)s; 10000000 takes hours and 150 GB)",
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="(default: %(default)s)")
    parser.add_argument("--only", choices=DATABASES, help="(default: one after the other)")
    asked = parser.parse_args()
    databases = (asked.only,) if asked.only else DATABASES
    # A line for each answer would bury the table.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with scratch() as folder:
        say(fsync.measure(folder))
        sizes = {"few": asked.few, "many": asked.many, "rounds": asked.rounds}
        found = asyncio.run(measure(folder, databases, **sizes))
        say(fsync.measure(folder))
    say(verdict(found))
    return 0 if all(one.ok for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
