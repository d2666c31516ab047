"""A whole durable decision on SQLite and on PostgreSQL, side by side: `python -m
benchmarks.databases`.

Two servers on one disk take turns in bursts; each figure is the median of its bursts. Beside the
times stand the processor's time, the bytes on the disk and the rows that PostgreSQL read in
sequence, because a table that grows is never read so.
"""

import argparse
import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psycopg

from benchmarks import fsync, load
from benchmarks.requests import as_text, submit_body
from benchmarks.surroundings import SERVICES, policies, say, scratch
from gate.storage.database.engine import sqlite_path
from tests import postgres
from tests.live import LiveGate, serving

CONNECTIONS = (64, 16, 1)
"""One comes last: for some seconds after its start a server looks at what holds every change."""

ROUNDS = 5
SECONDS = 2.0
P50_RATIO_MAX = 1.5
"""PostgreSQL's time with one connection, for one of SQLite's in the same run."""

STEADY_P99_MS_MAX = {50: 50.0, 200: 100.0}
"""What users feel: at so many decisions a second, one in a hundred may take longer than this."""

STEADY_CONNECTIONS = 64
BYTES_MAX = 6 * 1024
"""Of a decision with all its indexes, before answers to idempotency keys are forgotten."""

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Contender:
    """A server on one database, and what was seen of it, by number of connections."""

    name: str
    gate: LiveGate
    token: str
    # Of the database's own server; None where the gate's process is all there is.
    postmaster: int | None = None
    number: int = 0
    begun_with: int = 0
    cpu_seconds: float = 0.0
    bursts: dict[int, list[load.Burst]] = field(default_factory=dict)
    # The same by how many decisions a second were asked for.
    steady: dict[int, list[load.Burst]] = field(default_factory=dict)

    def burst(self, connections: int, seconds: float, per_second: float = 0.0) -> None:
        """One more; at a steady rate, or as fast as it goes."""
        keyed = {
            "authorization": f"Bearer {self.token}",
            "idempotency-key": f'"bench-{load.PLACE.decode()}"',
        }
        plan = load.Plan(
            port=self.gate.port,
            path="/v1/changes",
            headers=keyed,
            bodies=[as_text(submit_body(service)) for service in SERVICES],
            connections=connections,
            seconds=seconds,
            first_number=self.number,
            per_second=per_second,
        )
        before = self._cpu()
        burst = load.run(plan)
        self.cpu_seconds += self._cpu() - before
        self.number = burst.next_number
        kept = self.steady if per_second else self.bursts
        kept.setdefault(int(per_second) or connections, []).append(burst)

    def p50(self, connections: int) -> float:
        """In milliseconds, the median over the bursts."""
        return median(burst.p50_ms for burst in self.bursts[connections])

    def line(self, connections: int) -> str:
        """What was seen with so many connections."""
        bursts = self.bursts[connections]
        per_second = median(burst.per_second for burst in bursts)
        p99 = median(burst.p99_ms for burst in bursts)
        return (
            f"{connections:3} connections  {self.name:10} {per_second:6.0f} /s  "
            f"p50 {self.p50(connections):6.2f} ms  p99 {p99:6.2f} ms"
        )

    def steady_line(self, per_second: int) -> str:
        """What was seen at this rate, and what is wanted."""
        bursts = self.steady[per_second]
        p50 = median(burst.p50_ms for burst in bursts)
        return (
            f"{per_second:3} a second     {self.name:10} p50 {p50:6.2f} ms  "
            f"p99 {self.steady_p99(per_second):6.2f} ms "
            f"(target: at most {STEADY_P99_MS_MAX[per_second]:.0f})"
        )

    def steady_p99(self, per_second: int) -> float:
        """In milliseconds, the median over the bursts."""
        return median(burst.p99_ms for burst in self.steady[per_second])

    @property
    def bytes_a_decision(self) -> int:
        """What each decision made the database grow."""
        return (stored_bytes(self.gate.database_url) - self.begun_with) // self.number

    @property
    def cpu_ms(self) -> float:
        """The processor's time for a decision, of gate and database together."""
        return self.cpu_seconds * 1000 / self.number

    def _cpu(self) -> float:
        own = _cpu_seconds(self.gate.process.pid) if self.gate.process else 0.0
        return own if self.postmaster is None else own + _cpu_of_server(self.postmaster)


def stored_bytes(url: str) -> int:
    """How large a database is, its log of changes not counted."""
    path = sqlite_path(url)
    if path is not None:
        with closing(_sqlite(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path.stat().st_size
    return int(_postgres(url, "SELECT pg_database_size(current_database())"))


def rows_in_sequence(url: str) -> Mapping[str, int]:
    """How many rows of each table of PostgreSQL were read in sequence."""
    with closing(psycopg.connect(_driver_url(url))) as connection:
        rows = connection.execute(
            "SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE seq_tup_read > 0"
        ).fetchall()
    return dict(rows)


def measure(folder: Path, *, rounds: int, seconds: float) -> bool:
    """Start both, let them take turns at each number of connections, and print what was seen;
    whether every target is met.
    """
    with both_servers(folder) as contenders:
        for connections in CONNECTIONS:
            for _ in range(rounds):
                for one in contenders:
                    one.burst(connections, seconds)
        for per_second in STEADY_P99_MS_MAX:
            for _ in range(rounds):
                for one in contenders:
                    one.burst(STEADY_CONNECTIONS, seconds, per_second)
        return _report(contenders)


def _report(contenders: list[Contender]) -> bool:
    for connections in CONNECTIONS:
        for one in contenders:
            say(one.line(connections))
    for per_second in STEADY_P99_MS_MAX:
        for one in contenders:
            say(one.steady_line(per_second))
    for one in contenders:
        say(
            f"{one.name:10} {one.bytes_a_decision:6} bytes a decision (target: at most "
            f"{BYTES_MAX}), {one.cpu_ms:.2f} ms of the processor, {one.number} decisions"
        )
    sqlite, server = contenders
    ratio = server.p50(1) / sqlite.p50(1)
    say(f"one connection, PostgreSQL/SQLite: {ratio:.2f} (target: at most {P50_RATIO_MAX})")
    say(f"rows read in sequence: {dict(rows_in_sequence(server.gate.database_url))}")
    is_steady = all(
        one.steady_p99(rate) <= most
        for one in contenders
        for rate, most in STEADY_P99_MS_MAX.items()
    )
    is_small = all(one.bytes_a_decision <= BYTES_MAX for one in contenders)
    return ratio <= P50_RATIO_MAX and is_small and is_steady


@contextmanager
def both_servers(folder: Path) -> Iterator[list[Contender]]:
    """Start the gate on each database, with the policies of the benchmark."""
    with ExitStack() as open_until_the_end:
        cluster = open_until_the_end.enter_context(postgres.server(folder))
        postmaster = int((Path(cluster.data) / "postmaster.pid").read_text().split()[0])
        rules = policies(folder)
        urls = {
            "SQLite": f"sqlite:///{folder / 'sqlite' / 'gate.sqlite'}",
            "PostgreSQL": cluster.create("gate"),
        }
        contenders = []
        for name, url in urls.items():
            home = folder / name.lower()
            home.mkdir()
            gate = LiveGate(home, url, rules)
            gate.command("db", "upgrade")
            gate.command("ledger", "key")
            token = gate.command("token", "create", "--role", "pipeline", "--all-services")
            open_until_the_end.enter_context(serving(gate))
            one = Contender(name, gate, token, None if sqlite_path(url) else postmaster)
            one.begun_with = stored_bytes(url)
            contenders.append(one)
        yield contenders


def _sqlite(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path)


def _postgres(url: str, statement: str) -> int:
    with closing(psycopg.connect(_driver_url(url))) as connection:
        ((found,),) = connection.execute(statement.encode()).fetchall()
    return int(found)


def _driver_url(url: str) -> str:
    return url.replace("postgresql+psycopg", "postgresql")


def _cpu_of_server(postmaster: int) -> float:
    """Of PostgreSQL's first process, those that are its children, and those that were."""
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    return sum(map(_cpu_seconds, [postmaster, *map(int, children)]))


def _cpu_seconds(process: int) -> float:
    """Of one process and its children that have ended."""
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return 0.0
    ticks = text.rpartition(")")[2].split()[11:15]
    return sum(map(int, ticks)) / _TICKS_A_SECOND


def main() -> int:
    """By itself, with the disk beside it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="bursts of each contender (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="length of a burst (default: %(default)s)"
    )
    asked = parser.parse_args()
    with scratch() as folder:
        say(fsync.measure(folder))
        return 0 if measure(folder, rounds=asked.rounds, seconds=asked.seconds) else 1


if __name__ == "__main__":
    sys.exit(main())
