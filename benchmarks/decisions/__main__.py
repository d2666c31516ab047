"""A whole durable decision over HTTP, beside an echo and an insert of the same process: `python -m
benchmarks.decisions`.

The three take turns in bursts; each figure is the median of its bursts, and only ratios are
compared with a target.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import fsync, load
from benchmarks.requests import as_text, submit_body
from benchmarks.surroundings import SERVICES, policies, say, scratch
from tests.live import LiveGate, serving

CONNECTIONS = (16, 64)
ROUNDS = 5
SECONDS = 2.0
INSERT_RATIO_TARGET = 4.0
CONTENDERS = {"decision": "/v1/changes", "echo": "/echo", "insert": "/insert"}


@dataclass(slots=True)
class Round:
    """The bursts of one number of connections."""

    connections: int
    bursts: dict[str, list[load.Burst]] = field(
        default_factory=lambda: {name: [] for name in CONTENDERS}
    )

    def per_second(self, name: str) -> float:
        """Median over the bursts."""
        return median(burst.per_second for burst in self.bursts[name])

    @property
    def echo_ratio(self) -> float:
        """Decisions for one echo."""
        return self.per_second("decision") / self.per_second("echo")

    @property
    def insert_ratio(self) -> float:
        """Decisions for one insert."""
        return self.per_second("decision") / self.per_second("insert")

    @property
    def ok(self) -> bool:
        """Whether the target is met. The echo is printed beside it, and is none: it decides nothing
        and keeps nothing (docs/decisions/0012-what-a-decision-costs.md).
        """
        return self.insert_ratio >= INSERT_RATIO_TARGET

    def lines(self) -> Iterator[str]:
        """The table of this round."""
        for name, bursts in self.bursts.items():
            p50, p99 = (
                median(burst.p50_ms for burst in bursts),
                median(burst.p99_ms for burst in bursts),
            )
            yield (
                f"{self.connections:3} connections  {name:8} {self.per_second(name):8.0f} /s  "
                f"p50 {p50:7.2f} ms  p99 {p99:7.2f} ms"
            )
        yield (f"{self.connections:3} connections  decision/echo   {self.echo_ratio:5.2f}")
        yield (
            f"{self.connections:3} connections  decision/insert {self.insert_ratio:5.2f}  "
            f"(target: at least {INSERT_RATIO_TARGET})"
        )


def measure(folder: Path, *, rounds: int = ROUNDS, seconds: float = SECONDS) -> list[Round]:
    """Start the one server and let the three take turns at each number of connections."""
    with _server(folder) as (port, token):
        results = []
        number = 0
        for connections in CONNECTIONS:
            result = Round(connections)
            for name in list(CONTENDERS) * rounds:
                burst = load.run(_plan(name, port, token, connections, seconds, number))
                number = burst.next_number
                result.bursts[name].append(burst)
            results.append(result)
        return results


def _plan(
    name: str, port: int, token: str, connections: int, seconds: float, number: int
) -> load.Plan:
    keyed = {
        "authorization": f"Bearer {token}",
        "idempotency-key": f'"bench-{load.PLACE.decode()}"',
    }
    return load.Plan(
        port=port,
        path=CONTENDERS[name],
        headers=keyed,
        bodies=[as_text(submit_body(service)) for service in SERVICES],
        connections=connections,
        seconds=seconds,
        first_number=number,
    )


@contextmanager
def _server(folder: Path) -> Iterator[tuple[int, str]]:
    gate = LiveGate(
        folder=folder,
        database_url=f"sqlite:///{folder / 'gate.sqlite'}",
        policies=policies(folder),
        settings=_repository_on_path(),
    )
    gate.command("db", "upgrade")
    token = gate.command("token", "create", "--role", "pipeline", "--all-services")
    with serving(gate, sys.executable, "-m", "benchmarks.serving", str(folder)):
        yield gate.port, token


def _repository_on_path() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(__file__).parents[1])}


def report(results: Iterable[Round]) -> bool:
    """Print the tables; whether every target was met."""
    results = list(results)
    for result in results:
        for line in result.lines():
            say(line)
    return all(result.ok for result in results)


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
        return 0 if report(measure(folder, rounds=asked.rounds, seconds=asked.seconds)) else 1


if __name__ == "__main__":
    sys.exit(main())
