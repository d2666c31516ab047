"""The servers that a benchmark asks in turns: the gate on each database, and the contenders beside
it; and what is seen of them from outside: time, processor, memory, disk.
"""

import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median

import psycopg

from benchmarks import load
from benchmarks.requests import as_text, submit_body
from benchmarks.surroundings import SERVICES, policies
from gate.storage.database.engine import sqlite_path
from tests import postgres
from tests.live import LiveGate, serving

CONTENDERS = ("rival", "insert", "echo")
"""What is measured beside the gate; each answers on the path of its name."""

MEMORY_MIB_MAX = 250
"""Of one process that serves."""

_REPOSITORY = Path(__file__).parents[2]
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Contender:
    """What is asked on one path of one server, and what was seen of it, by number of
    connections.
    """

    name: str
    server: LiveGate
    token: str = ""
    path: str = "/v1/changes"
    # Of the database's own server; None where the process that answers is all there is.
    postmaster: int | None = None
    number: int = 0
    begun_with: int = 0
    bursts: dict[int, list[load.Burst]] = field(default_factory=dict)
    # The processor's milliseconds for an answer, burst by burst.
    processor: dict[int, list[float]] = field(default_factory=dict)
    # Bursts by how many decisions a second were asked for.
    steady: dict[int, list[load.Burst]] = field(default_factory=dict)

    def burst(self, connections: int, seconds: float, per_second: float = 0.0) -> None:
        """One more; at a steady rate, or as fast as it goes."""
        keyed = {
            "authorization": f"Bearer {self.token}",
            "idempotency-key": f'"bench-{load.PLACE.decode()}"',
        }
        plan = load.Plan(
            port=self.server.port,
            path=self.path,
            headers=keyed,
            bodies=[as_text(submit_body(service)) for service in SERVICES],
            connections=connections,
            seconds=seconds,
            first_number=self.number,
            per_second=per_second,
        )
        before = self._processor_seconds()
        burst = load.run(plan)
        spent = self._processor_seconds() - before
        asked, self.number = burst.next_number - self.number, burst.next_number
        if per_second:
            self.steady.setdefault(int(per_second), []).append(burst)
            return
        self.bursts.setdefault(connections, []).append(burst)
        self.processor.setdefault(connections, []).append(spent * 1000 / asked)

    def per_second(self, connections: int) -> float:
        """Answers a second, the median over the bursts."""
        return median(burst.per_second for burst in self.bursts[connections])

    def p50(self, connections: int) -> float:
        """In milliseconds, the median over the bursts."""
        return median(burst.p50_ms for burst in self.bursts[connections])

    def p99(self, connections: int) -> float:
        """The same of the slowest of a hundred."""
        return median(burst.p99_ms for burst in self.bursts[connections])

    def steady_p50(self, per_second: int) -> float:
        """In milliseconds at this rate, the median over the bursts."""
        return median(burst.p50_ms for burst in self.steady[per_second])

    def steady_p99(self, per_second: int) -> float:
        """The same of the slowest of a hundred."""
        return median(burst.p99_ms for burst in self.steady[per_second])

    @property
    def processor_ms(self) -> float:
        """The processor's time for an answer, of the process and its database together.

        Few connections cost more than many, so each number of them counts the same, however many
        answers it gave.
        """
        return fmean(median(bursts) for bursts in self.processor.values())

    @property
    def bytes_a_decision(self) -> int:
        """What each decision made the database grow."""
        return (stored_bytes(self.server.database_url) - self.begun_with) // self.number

    @property
    def memory_mib(self) -> float:
        """What the process that answers has in memory now."""
        return _resident_mib(_pid(self.server))

    def _processor_seconds(self) -> float:
        own = _cpu_seconds(_pid(self.server))
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


@contextmanager
def gates(folder: Path) -> Iterator[list[Contender]]:
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
            one = Contender(name, gate, token)
            one.postmaster = None if sqlite_path(url) else postmaster
            one.begun_with = stored_bytes(url)
            contenders.append(one)
        yield contenders


@contextmanager
def contenders(folder: Path) -> Iterator[list[Contender]]:
    """Start the rival, the insert and the echo, all in one process."""
    home = folder / "contenders"
    home.mkdir()
    server = LiveGate(home, "sqlite:///unused", folder, settings={"PYTHONPATH": str(_REPOSITORY)})
    with serving(server, sys.executable, "-m", "benchmarks.decisions.serving", str(home)):
        yield [Contender(name, server, path=f"/{name}") for name in CONTENDERS]


def _sqlite(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path)


def _postgres(url: str, statement: str) -> int:
    with closing(psycopg.connect(_driver_url(url))) as connection:
        ((found,),) = connection.execute(statement.encode()).fetchall()
    return int(found)


def _driver_url(url: str) -> str:
    return url.replace("postgresql+psycopg", "postgresql")


def _pid(server: LiveGate) -> int:
    if server.process is None:
        raise RuntimeError("the server has ended")
    return server.process.pid


def _resident_mib(process: int) -> float:
    """Return the resident memory of one process."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


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
